import { Verdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ask, problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { openRoute } from "./support/configuration.ts";
import { response } from "./support/recording-upstream.ts";
import { house, type House, type Row } from "./support/reviewed.ts";
import { byBinding, denying, json, patching, rawVerdict } from "./support/scripted.ts";

/** In every value that must not be shown. */
const CANARY = "canary-5e0d";

const everything = (id: string, phase: "pre-auth" | "pre-route" | "post-response", mode: "mutate" | "observe"): Row => ({
  declares: {
    id,
    phase,
    mode,
    needs: [
      "/request",
      "/route",
      "/client",
      "/labels",
      ...(phase === "pre-auth" ? [] : ["/principal", "/tenant"]),
      ...(phase === "post-response" ? ["/response"] : []),
      ...(mode === "observe" ? ["/outcome"] : []),
    ],
  },
  operator: { match: { routes: ["all", "keyed"] } },
});

const MIXED_NEEDS = ["/request/headers/x-secret", "/request/query/sig", "/request/headers/x-in"];

const exposed = (id: string, operator = {}): Row => ({
  declares: {
    id,
    phase: "pre-route",
    mode: "mutate",
    needs: MIXED_NEEDS,
    writes: ["/request/headers", ...(id === "exposed" ? ["/labels"] : [])],
  },
  operator: { match: { routes: [id] }, expose: ["/request/headers/x-secret", "/request/query/sig"], ...operator },
});

let place: House;

beforeAll(async () => {
  const watching = (["pre-auth", "pre-route", "post-response"] as const).flatMap((phase) => [
    everything(`change-${phase}`, phase, "mutate"),
    everything(`watch-${phase}`, phase, "observe"),
  ]);
  const owner = (id: string, owned: string, operator = {}): Row => ({
    declares: {
      id,
      phase: "pre-route",
      mode: "mutate",
      needs: ["/request/headers/x-in"],
      writes: [`/request/headers/${owned}`],
      ownsHeaders: [owned],
    },
    operator: { match: { routes: [id] }, ...operator },
  });
  place = await house(
    [
      ...watching,
      exposed("exposed"),
      exposed("exposed-open", { failure_policy: "fail-open" }),
      owner("owned", "x-verified"),
      owner("owned-open", "x-verified-open", { failure_policy: "fail-open" }),
    ],
    {
      respond: () =>
        response("{}", {
          headers: ["Content-Type: application/json", `Set-Cookie: session=${CANARY}`, "Sallyport-Warning: forged"],
        }),
      sections: {
        authenticators: {
          keyed: {
            type: "static-token",
            token_file: "one.token",
            slots: ["header/x-api-key", "bearer"],
            principal: { id: "one" },
          },
          other: { type: "static-token", token_file: "other.token", slots: ["header/x-other-key"], principal: { id: "other" } },
        },
        secrets: { headers: ["x-secret"], query: ["sig"] },
        upstreams: {
          credentialed: {
            endpoints: ["http://127.0.0.1:1"],
            credential: { slot: "header/x-upstream-key", secret_file: "upstream.key" },
          },
        },
        routes: [
          ...["all", "exposed", "exposed-open", "owned", "owned-open"].map((name) => openRoute(name)),
          openRoute("keyed", { authenticate: ["keyed"] }),
          openRoute("other", { authenticate: ["other"] }),
          openRoute("upstream", { upstream: "credentialed" }),
        ],
      },
      files: {
        "one.token": `${CANARY}-one-token-0000000000`,
        "other.token": `${CANARY}-other-token-00000000`,
        "upstream.key": `${CANARY}-upstream-key`,
      },
    },
  );
});

beforeEach(() => {
  place.service.answers = byBinding({});
});

afterAll(() => place?.[Symbol.asyncDispose]());

/** Whatever the service was sent so far, as bytes. */
const sent = (): string => place.service.service.calls.map(({ message }) => message.toString("latin1")).join("\n");

describe("what the plan hides", () => {
  it.each([
    ["on an open route", "/all/a"],
    ["on the route that reads the credential", "/keyed/a"],
  ])("is in no view of any phase, observers included, and in no log line: %s (C23)", async (_what, path) => {
    const asking: Asking = {
      path: `${path}?sig=${CANARY}&shown=yes`,
      headers: [
        ["Authorization", `Bearer ${CANARY}-bearer`],
        ["X-Api-Key", `${CANARY}-one-token-0000000000`],
        // slots of another route's authenticator and of an upstream's credential are hidden on every route
        ["X-Other-Key", `${CANARY}-other`],
        ["X-Upstream-Key", `${CANARY}-upstream`],
        ["X-Secret", `${CANARY}-secret`],
        ["X-In", "shown"],
      ].filter(([name]) => path !== "/keyed/a" || name !== "Authorization") as Asking["headers"] & object,
    };
    const before = place.service.reviews.length;
    const { answer } = await place.send(asking);
    expect(answer.status).toBe(200);
    await expect.poll(() => place.service.reviews.slice(before).length, { timeout: 5_000 }).toBe(6);
    expect(sent()).toContain("shown");
    expect(sent()).not.toContain(CANARY);
    expect(JSON.stringify(place.gateway.lines)).not.toContain(CANARY);
    // cookies of the upstream reach the client, the one that they are for
    expect(answer.headers["set-cookie"]).toBe(`session=${CANARY}`);
    expect(answer.headers["sallyport-warning"]).toBeUndefined();
  });
});

const SECRET_REQUEST: Omit<Asking, "path"> = {
  headers: [
    ["X-Secret", `${CANARY}-of-a-client`],
    ["X-In", "in"],
  ],
};

describe("what is exposed to a binding", () => {
  const valueOf = (id: string) => place.service.reviews.findLast(({ bindingId }) => bindingId === id)?.view?.request;
  const secretIn = (text = `${CANARY}-of-a-client`) => JSON.stringify(`x ${text} y`);
  const set = (path: string, value: string): PatchOperation => ({ op: "add", path, value: json(value) });

  it("can be read (C23)", async () => {
    await place.send({ ...SECRET_REQUEST, path: "/exposed/a?sig=signed-value" });
    expect(valueOf("exposed")?.headers).toContainEqual({ name: "x-secret", value: `${CANARY}-of-a-client` });
    expect(valueOf("exposed")?.query).toEqual([{ name: "sig", values: ["signed-value"] }]);
  });

  it.each([
    ["in a header", { patches: [set("/request/headers/x-a", secretIn())] }],
    ["in a label", { patches: [set("/labels/a", secretIn())] }],
    ["in an annotation", { annotations: [{ name: "a", value: `${CANARY}-of-a-client` }] }],
    ["in a warning", { warnings: [`${CANARY}-of-a-client`] }],
    ["as the name of a label", { patches: [set(`/labels/${CANARY}-of-a-client`, '"x"')] }],
  ])(
    "cannot be repeated by an allow, %s: that is invalid (C23)",
    async (
      _what,
      {
        patches = [],
        ...notes
      }: { patches?: readonly PatchOperation[]; annotations?: { name: string; value: string }[]; warnings?: string[] },
    ) => {
      place.service.answers = byBinding({ exposed: ({ reviewId }) => patching(reviewId, patches, notes) });
      const { answer, line, seen } = await place.send({ ...SECRET_REQUEST, path: "/exposed/a" });
      expect(problemOf(answer).code).toBe("interceptor_invalid_verdict");
      expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "contract" })]);
      expect(seen).toEqual([]);
      expect(JSON.stringify(line)).not.toContain(CANARY);
    },
  );

  it.each([
    ["written", set("/request/headers/x-secret", '"x"')],
    ["removed", { op: "remove", path: "/request/headers/x-secret" } as const],
    ["copied", { op: "copy", from: "/request/headers/x-secret", path: "/request/headers/x-a" } as const],
    ["moved", { op: "move", from: "/request/headers/x-secret", path: "/request/headers/x-a" } as const],
    ["tested", { op: "test", path: "/request/headers/x-secret", value: "guess" } as const],
  ])("cannot be %s: that is invalid, and nothing changes (C23)", async (_what, operation) => {
    place.service.answers = byBinding({
      "exposed-open": ({ reviewId }) => patching(reviewId, [set("/request/headers/x-b", '"b"'), operation]),
    });
    const { line, seen } = await place.send({ ...SECRET_REQUEST, path: "/exposed-open/a" });
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid" })]);
    expect(seen[0]).toContain(`X-Secret: ${CANARY}-of-a-client`);
    expect(seen[0]).not.toMatch(/x-[ab]:/i);
  });

  it("is dropped from a deny, which stays a deny (C23)", async () => {
    const leaky = {
      message: `no, ${CANARY}-of-a-client`,
      headers: [
        { name: "retry-after", value: "7" },
        { name: "www-authenticate", value: `${CANARY}-of-a-client` },
      ],
      body: json(`{"a":"${CANARY}-of-a-client"}`),
    };
    place.service.answers = byBinding({
      exposed: ({ reviewId }) => denying(reviewId, { ...leaky, annotations: [{ name: "a", value: `${CANARY}-of-a-client` }] }),
    });
    const { answer, line, seen } = await place.send({ ...SECRET_REQUEST, path: "/exposed/a" });
    expect(problemOf(answer)).toMatchObject({ status: 403, code: "not_today", detail: expect.stringMatching(/./) });
    expect(answer.headers["retry-after"]).toBe("7");
    expect(answer.raw).not.toContain(CANARY);
    expect(JSON.stringify(line)).not.toContain(CANARY);
    expect(seen).toEqual([]);
  });

  it("is not shown to anybody else", async () => {
    await place.send({ ...SECRET_REQUEST, path: "/all/a" });
    const asked = place.service.service.calls.filter(({ message }) => message.includes(`${CANARY}-of-a-client`)).length;
    await place.send({ ...SECRET_REQUEST, path: "/all/b" });
    expect(place.service.service.calls.filter(({ message }) => message.includes(`${CANARY}-of-a-client`))).toHaveLength(asked);
  });
});

describe("a header a binding owns", () => {
  const verified = (request = "") => request.split("\r\n").filter((line) => /^x-verified/i.test(line));

  it.each([["X-Verified"], ["x-verified"], ["X-VERIFIED"]])(
    "is taken out of what clients send as %s, and only its owner sets it (C11)",
    async (name) => {
      place.service.answers = byBinding({
        owned: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-verified", value: "by-owner" }]),
      });
      const set = await place.send({ path: "/owned/a", headers: [[name, "forged"]] });
      expect(verified(set.seen[0])).toEqual(["x-verified: by-owner"]);
      place.service.answers = byBinding({});
      const unset = await place.send({ path: "/owned/a", headers: [[name, "forged"]] });
      expect(verified(unset.seen[0])).toEqual([]);
    },
  );

  it("stays absent after its owner failed open (C11, C19)", async () => {
    place.service.answers = byBinding({ "owned-open": () => ({ kind: "status", code: 14 }) });
    const { seen, answer } = await place.send({ path: "/owned-open/a", headers: [["X-Verified-Open", "forged"]] });
    expect(answer.status).toBe(200);
    expect(verified(seen[0])).toEqual([]);
  });

  it.each([
    [
      "twice",
      [
        ["X-Verified", "a"],
        ["x-verified", "b"],
      ],
    ],
    ["with an underscore, which some upstreams read as a dash", [["X_Verified", "forged"]]],
    ["as what the connection is to drop", [["Connection", "x-verified"]]],
  ] as const)("is refused %s: 400 before anybody is asked (C25)", async (_what, headers) => {
    const before = place.service.reviews.length;
    const reached = place.upstream.requests.length;
    const answer = await ask(place.gateway, { path: "/owned/a", headers });
    expect(problemOf(answer)).toMatchObject({ status: 400, code: "bad_request" });
    expect([place.upstream.requests.length, place.service.reviews.length]).toEqual([reached, before]);
  });

  it("cannot be set by a deny or smuggled in by its verdict's bytes", async () => {
    place.service.answers = byBinding({
      owned: ({ reviewId }) =>
        rawVerdict(
          Verdict.fromPartial({
            reviewId,
            deny: {
              httpStatus: 403,
              code: "no",
              message: "no",
              headers: [{ name: "x-verified", value: "a\r\nset-cookie: b=c" }],
            },
          }),
        ),
    });
    const { answer } = await place.send({ path: "/owned/a" });
    expect(answer.status).toBe(403);
    expect(answer.raw).not.toMatch(/x-verified|set-cookie/i);
  });
});
