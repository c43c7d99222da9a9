import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { verdict } from "../support/test-interceptor.ts";
import { problemOf, reviewsOf } from "./support/ask.ts";
import { openRoute } from "./support/configuration.ts";
import { response } from "./support/recording-upstream.ts";
import { house, type House, type Row } from "./support/reviewed.ts";
import { byBinding, denying, json, patching, type Answers } from "./support/scripted.ts";

const PHASES = ["pre-auth", "pre-route", "post-response"] as const;

let place: House;

beforeAll(async () => {
  const responder = (phase: (typeof PHASES)[number], id: string, operator = {}): Row => ({
    declares: {
      id,
      phase,
      mode: "mutate",
      needs: ["/request/path"],
      writes: [phase === "post-response" ? "/response/headers" : "/request/headers"],
    },
    operator: { match: { routes: [id] }, ...operator },
  });
  const rows = PHASES.flatMap((phase) => [
    responder(phase, `may-${phase}`, { may: phase === "post-response" ? ["set-cookies"] : ["respond", "set-cookies"] }),
    responder(phase, `plain-${phase}`),
  ]);
  const routes = rows.map(({ declares }) => declares.id);
  place = await house(
    [
      ...rows,
      {
        declares: {
          id: "after",
          phase: "pre-route",
          mode: "mutate",
          needs: ["/request/path"],
          writes: ["/request/headers/x-after"],
        },
        operator: { order: 5, match: { routes: ["may-pre-route"] } },
      },
      {
        declares: { id: "judge", phase: "pre-route", mode: "validate", needs: ["/request/path"] },
        operator: { match: { routes: ["may-pre-route", "may-pre-auth"] } },
      },
      {
        declares: {
          id: "late",
          phase: "post-response",
          mode: "mutate",
          needs: ["/response/status"],
          writes: ["/response/headers/x-late"],
        },
        operator: { match: { routes: ["may-pre-route", "may-pre-auth"] } },
      },
    ],
    {
      respond: () => response("upstream", { headers: ["Set-Cookie: theirs=1"] }),
      sections: { routes: routes.map((name) => openRoute(name)) },
    },
  );
});

beforeEach(() => {
  place.service.answers = byBinding({});
});

afterAll(() => place?.[Symbol.asyncDispose]());

const responding =
  (headers: readonly { name: string; value: string }[] = [], status = 200): Answers =>
  ({ reviewId }) =>
    verdict(
      { kind: "respond", status, headers, body: Buffer.from("from the interceptor"), annotations: [], warnings: [] },
      reviewId,
    );

const asked = (line: Parameters<typeof reviewsOf>[0]) => reviewsOf(line).map(({ binding }) => binding.replace("scripted/", ""));

describe("respond", () => {
  it("ends the exchange at pre-auth as a deny would: nobody else is asked, the upstream is not reached (C12)", async () => {
    place.service.answers = byBinding({ "may-pre-auth": responding([{ name: "content-type", value: "text/plain" }], 201) });
    const { answer, seen, line } = await place.send({ path: "/may-pre-auth/a" });
    expect([answer.status, answer.body.toString(), answer.headers["content-type"]]).toEqual([
      201,
      "from the interceptor",
      "text/plain",
    ]);
    expect([seen, asked(line)]).toEqual([[], ["may-pre-auth"]]);
    expect(line).toMatchObject({ outcome: "responded", decided_by: "scripted/may-pre-auth" });
  });

  it("takes the place of the upstream at pre-route: the remaining bindings still run, those after the response too (C12, C28)", async () => {
    place.service.answers = byBinding({
      "may-pre-route": responding(),
      late: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/response/headers/x-late", value: json('"seen"') }]),
    });
    const { answer, seen, line } = await place.send({ path: "/may-pre-route/a" });
    expect([answer.status, answer.body.toString(), answer.headers["x-late"]]).toEqual([200, "from the interceptor", "seen"]);
    expect([seen, asked(line)]).toEqual([[], ["may-pre-route", "after", "judge", "late"]]);
  });

  it.each(["after", "judge", "late"])("at pre-route is no way around a binding behind it: %s still denies (C12)", async (id) => {
    place.service.answers = byBinding({ "may-pre-route": responding(), [id]: ({ reviewId }) => denying(reviewId) });
    const { answer, seen } = await place.send({ path: "/may-pre-route/a" });
    expect(problemOf(answer)).toMatchObject({ status: 403, code: "not_today" });
    expect(answer.raw).not.toContain("from the interceptor");
    expect(seen).toEqual([]);
  });

  it.each(["may-post-response", "plain-pre-auth", "plain-pre-route", "plain-post-response"])(
    "is invalid by %s: at post-response, or without the power (C12)",
    async (id) => {
      place.service.answers = byBinding({ [id]: responding() });
      const { answer, line } = await place.send({ path: `/${id}/a` });
      expect(problemOf(answer)).toMatchObject({ status: 502, code: "interceptor_invalid_verdict" });
      expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "contract" })]);
      expect(answer.raw).not.toMatch(/from the interceptor|upstream/);
    },
  );

  it.each([
    "content-length",
    "transfer-encoding",
    "connection",
    "x-request-id",
    "access-control-allow-origin",
    "sallyport-warning",
  ])("is invalid with the header %s, which is the gateway's", async (name) => {
    place.service.answers = byBinding({ "may-pre-auth": responding([{ name, value: "1" }]) });
    expect(problemOf((await place.send({ path: "/may-pre-auth/a" })).answer).code).toBe("interceptor_invalid_verdict");
  });
});

describe("set-cookies", () => {
  const cookie = [{ name: "set-cookie", value: "mine=1; Path=/" }];

  it.each(["pre-auth", "pre-route", "post-response"] as const)(
    "lets a deny at %s set cookies, and nobody else's deny does (C9, C23)",
    async (phase) => {
      place.service.answers = byBinding({
        [`may-${phase}`]: ({ reviewId }) => denying(reviewId, { headers: cookie }),
        [`plain-${phase}`]: ({ reviewId }) => denying(reviewId, { headers: cookie }),
      });
      expect((await place.send({ path: `/may-${phase}/a` })).answer.headers["set-cookie"]).toBe("mine=1; Path=/");
      const plain = (await place.send({ path: `/plain-${phase}/a` })).answer;
      expect([plain.status, plain.headers["set-cookie"]]).toEqual([403, undefined]);
    },
  );

  it("lets a respond set cookies (C23)", async () => {
    place.service.answers = byBinding({ "may-pre-auth": responding(cookie) });
    expect((await place.send({ path: "/may-pre-auth/a" })).answer.headers["set-cookie"]).toBe("mine=1; Path=/");
  });

  it.each([
    ["replaced", { op: "replace", path: "/response/headers/set-cookie", value: "mine=1" }],
    ["removed", { op: "remove", path: "/response/headers/set-cookie" }],
    ["rewritten one by one", { op: "replace", path: "/response/headers/set-cookie/0", value: "mine=1" }],
    ["copied from", { op: "copy", from: "/response/headers/set-cookie/0", path: "/response/headers/x-a" }],
    ["tested", { op: "test", path: "/response/headers/set-cookie/0", value: "theirs=1" }],
  ] as const)("never lets the upstream's cookies be %s (C23)", async (_what, operation) => {
    place.service.answers = byBinding({ "may-post-response": ({ reviewId }) => patching(reviewId, [operation]) });
    const { answer, line } = await place.send({ path: "/may-post-response/a" });
    expect(problemOf(answer)).toMatchObject({ status: 502, retryable: false });
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
  });
});
