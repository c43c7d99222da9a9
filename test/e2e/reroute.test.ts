import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { openRoute } from "./support/configuration.ts";
import { house, type House, type Row } from "./support/reviewed.ts";
import { byBinding, denying, json, patching, type Answers } from "./support/scripted.ts";

const OPS_TOKEN = "a-token-of-ops-00000000000000000";

/** A mutator of one route that patches whatever a test says; what routes match on is among its writes. */
const mover = (id: string, routes: readonly string[], operator = {}, phase: "pre-auth" | "pre-route" = "pre-route"): Row => ({
  declares: {
    id,
    phase,
    mode: "mutate",
    needs: ["/request/path"],
    writes: ["/request/path", "/request/method", "/request/query", "/request/headers", ...(id === "powerful" ? ["/labels"] : [])],
  },
  operator: { order: -1, match: { routes }, ...operator },
});

const reviewer = (id: string, phase: "pre-auth" | "pre-route", mode: "mutate" | "validate", match: object): Row => ({
  declares: { id, phase, mode, needs: ["/request", ...(phase === "pre-route" ? ["/principal"] : [])] },
  operator: { match },
});

let place: House;

beforeAll(async () => {
  place = await house(
    [
      mover("weak", ["weak"]),
      mover("weak-open", ["weak-open"], { failure_policy: "fail-open" }),
      mover("powerful", ["lax"], { may: ["reroute"] }),
      mover("early-powerful", ["early"], { may: ["reroute"] }, "pre-auth"),
      // what guards the stricter route
      reviewer("strict-early", "pre-auth", "mutate", { routes: ["strict"] }),
      reviewer("strict-early-check", "pre-auth", "validate", { routes: ["strict"] }),
      reviewer("strict-late", "pre-route", "mutate", { routes: ["strict"] }),
      reviewer("strict-check", "pre-route", "validate", { routes: ["strict"] }),
      // what guarded the route the request came from
      reviewer("lax-check", "pre-route", "validate", { routes: ["lax"] }),
      // selects by path alone, on every route
      reviewer("path-check", "pre-route", "validate", {
        paths: ["/**"],
        except_routes: ["strict", "early"],
        methods: ["DELETE"],
      }),
      mover("strict-mover", ["strict"], { may: ["reroute"] }),
    ],
    {
      sections: {
        authenticators: { ops: { type: "static-token", token_file: "ops.token", principal: { id: "ops", tenants: ["acme"] } } },
        routes: [
          openRoute("weak"),
          openRoute("weak-open"),
          openRoute("lax"),
          openRoute("early"),
          openRoute("strict", { authenticate: ["ops"] }),
          openRoute("weak-beta", { match: { path: "/weak/**", headers: { "x-beta": "yes" } } }),
          openRoute("weak-query", { match: { path: "/weak/*", query: { beta: "yes" } } }),
        ],
      },
      files: { "ops.token": OPS_TOKEN },
    },
  );
});

beforeEach(() => {
  place.service.answers = byBinding({});
});

afterAll(() => place?.[Symbol.asyncDispose]());

const set = (path: string, value: string) => ({ op: "add", path, value: json(value) }) as const;
const moving =
  (path: string, value: string): Answers =>
  ({ reviewId }) =>
    patching(reviewId, [set(path, value)]);

const AS_OPS: Asking["headers"] = [["Authorization", `Bearer ${OPS_TOKEN}`]];

/** Ids of the bindings asked for the last request, in order of the log. */
const asked = (line: Parameters<typeof reviewsOf>[0]): readonly string[] =>
  reviewsOf(line).map(({ binding }) => binding.replace("scripted/", ""));

describe("a patch of a binding without reroute", () => {
  it.each([
    ["to a stricter route by its path", moving("/request/path", '"/strict/a"')],
    ["to a laxer route by its path", moving("/request/path", '"/lax/a"')],
    ["to no route at all", moving("/request/path", '"/nowhere"')],
    ["to another route by a header", moving("/request/headers/x-beta", '"yes"')],
    ["to another route by a query name", moving("/request/query/beta", '["yes"]')],
    ["to other bindings by its method, on the same route", moving("/request/method", '"DELETE"')],
  ])("that would move the request %s is invalid, and nothing is forwarded (C1)", async (_what, answers) => {
    place.service.answers = byBinding({ weak: answers, "weak-open": answers });
    const closed = await place.send({ path: "/weak/a" });
    expect(problemOf(closed.answer)).toMatchObject({ status: 502, code: "interceptor_invalid_verdict" });
    expect(reviewsOf(closed.line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
    expect([closed.seen, closed.line["route"]]).toEqual([[], "weak"]);
  });

  it("is dropped whole under fail-open: the request goes where the client sent it (C1, C19)", async () => {
    place.service.answers = byBinding({
      "weak-open": ({ reviewId }) =>
        patching(reviewId, [set("/request/headers/x-a", '"a"'), set("/request/path", '"/strict/a"')]),
    });
    const { seen, line } = await place.send({ path: "/weak-open/a" });
    expect(seen[0]).toMatch(/^GET \/weak-open\/a HTTP/);
    expect(seen[0]).not.toMatch(/x-a:/i);
    expect(line["route"]).toBe("weak-open");
  });

  it("may change a path that leads to the same route and the same bindings", async () => {
    place.service.answers = byBinding({ weak: moving("/request/path", '"/weak/elsewhere"') });
    const { seen } = await place.send({ path: "/weak/a" });
    expect(seen[0]).toMatch(/^GET \/weak\/elsewhere HTTP/);
  });
});

describe("a patch of a binding with reroute", () => {
  beforeEach(() => {
    place.service.answers = byBinding({
      powerful: moving("/request/path", '"/strict/a"'),
      "early-powerful": moving("/request/path", '"/strict/a"'),
    });
  });

  it("runs the new route's authenticators on the client's own credential: none is 401 (C2)", async () => {
    const { answer, seen, line } = await place.send({ path: "/lax/a" });
    expect(problemOf(answer)).toMatchObject({ status: 401, code: "credential_missing" });
    expect(seen).toEqual([]);
    expect(asked(line)).toEqual(["powerful"]);
  });

  it("a bad credential is 401, although the route the client named is open (C2)", async () => {
    const { answer, seen } = await place.send({ path: "/lax/a", headers: [["Authorization", "Bearer nonsense"]] });
    expect(problemOf(answer)).toMatchObject({ status: 401, code: "credential_invalid" });
    expect(seen).toEqual([]);
  });

  it("replaces the principal and runs every binding the new route has, each once, those of earlier phases first, then all validators (C2)", async () => {
    const before = place.service.reviews.length;
    const { answer, seen, line } = await place.send({ path: "/lax/a", headers: AS_OPS });
    expect(answer.status).toBe(200);
    expect(seen[0]).toMatch(/^GET \/strict\/a HTTP/);
    expect(line).toMatchObject({ route: "strict", principal_id: "ops" });
    const order = asked(line);
    expect(order.slice(0, 5)).toEqual(["powerful", "strict-early", "strict-early-check", "strict-mover", "strict-late"]);
    // validators of where it came from and of where it went judge the settled request, together
    expect(order.slice(5).toSorted()).toEqual(["lax-check", "strict-check"]);
    const views = new Map(place.service.reviews.slice(before).map(({ bindingId, view }) => [bindingId, view]));
    expect(views.get("strict-late")?.principal?.id).toBe("ops");
    expect(views.get("strict-early")?.principal).toBeUndefined();
    for (const id of ["strict-early", "strict-late", "strict-check", "lax-check"])
      expect(views.get(id)?.request?.path).toBe("/strict/a");
  });

  it.each(["strict-early", "strict-early-check", "strict-late", "strict-check", "lax-check"])(
    "is denied where %s denies it (C2)",
    async (id) => {
      place.service.answers = byBinding({
        powerful: moving("/request/path", '"/strict/a"'),
        [id]: ({ reviewId }) => denying(reviewId),
      });
      const { answer, seen, line } = await place.send({ path: "/lax/a", headers: AS_OPS });
      expect(problemOf(answer)).toMatchObject({ status: 403, code: "not_today" });
      expect(line["decided_by"]).toBe(`scripted/${id}`);
      expect(seen).toEqual([]);
    },
  );

  it("is invalid where a verdict of the catch-up round moves the request again (C2)", async () => {
    place.service.answers = byBinding({
      powerful: moving("/request/path", '"/strict/a"'),
      "strict-mover": moving("/request/path", '"/lax/a"'),
    });
    const { answer, seen, line } = await place.send({ path: "/lax/a", headers: AS_OPS });
    expect(problemOf(answer)).toMatchObject({ status: 502, code: "interceptor_invalid_verdict" });
    expect(line["decided_by"]).toBe("scripted/strict-mover");
    expect(seen).toEqual([]);
  });

  it("is 404 where it leads to no route (C1)", async () => {
    place.service.answers = byBinding({ powerful: moving("/request/path", '"/nowhere"') });
    const { answer, seen } = await place.send({ path: "/lax/a" });
    expect([problemOf(answer).code, seen]).toEqual(["route_not_found", []]);
  });

  it("made at pre-auth lets the new route's own pre-auth bindings run, then its authenticators (C2)", async () => {
    const refused = await place.send({ path: "/early/a" });
    expect(problemOf(refused.answer)).toMatchObject({ status: 401, code: "credential_missing" });
    expect(asked(refused.line)).toEqual(["early-powerful", "strict-early", "strict-early-check"]);
    const served = await place.send({ path: "/early/a", headers: AS_OPS });
    expect(served.seen[0]).toMatch(/^GET \/strict\/a HTTP/);
    expect(asked(served.line).toSorted()).toEqual([
      "early-powerful",
      "strict-check",
      "strict-early",
      "strict-early-check",
      "strict-late",
      "strict-mover",
    ]);
  });

  it("cannot rescue a request that no route matches: nobody is asked (C1)", async () => {
    const before = place.service.reviews.length;
    expect(problemOf((await place.send({ path: "/nowhere" })).answer).code).toBe("route_not_found");
    expect(place.service.reviews).toHaveLength(before);
  });
});
