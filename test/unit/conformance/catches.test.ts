import { Event, type ReviewRequest, Verdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import type { VerdictDraft } from "@sallyport/contract/verdict.ts";
import { METHODS, SERVICE } from "@sallyport/contract/wire.ts";
import { describe, expect, it } from "vitest";
import { HEALTH } from "../../../conformance/src/health-message.ts";
import { runSuite, type SuiteOptions } from "../../../conformance/src/index.ts";
import { REFLECTION } from "../../../conformance/src/reflection-message.ts";
import { ALLOW, type Conduct, denying, refusing, serviceOf, verdictReply } from "../../support/conforming-service.ts";
import { type ReceivedCall, type Reply, testInterceptor } from "../../support/test-interceptor.ts";

const optionsFor = (port: number, cases: readonly string[]): SuiteOptions => ({
  address: { scheme: "grpc", host: "127.0.0.1", port },
  tls: undefined,
  serverName: "127.0.0.1",
  bindings: [],
  configs: new Map([["look", '{"strict":true}']]),
  cases,
  reviewMs: 1_000,
  slow: false,
});

async function reportOf(conduct: Conduct, name: string) {
  await using service = await testInterceptor(serviceOf(conduct), { streams: "scripted" });
  const report = await runSuite(optionsFor(service.port, [name]));
  return report.cases[0];
}

let calls = 0;

const PATCH: readonly PatchOperation[] = [{ op: "add", path: "/request/headers/x-b", value: "1" }];

// what a service does wrong, and the case that must tell
const DEFECTS: readonly (readonly [what: string, name: string, conduct: Conduct])[] = [
  ["has no name", "describe-answers", { manifest: (all) => ({ ...all, name: "" }) }],
  ["answers Describe with an error", "describe-answers", { describe: () => refusing(13) }],
  ["answers Describe with bytes that are no manifest", "describe-answers", { describe: () => message(0xff, 0xff) }],
  [
    "wants every field of Describe",
    "describe-empty-request",
    { describe: ({ gatewayId }) => (gatewayId === "" ? refusing(3) : undefined) },
  ],
  ["changes its manifest at every call", "describe-stable", { manifest: (all) => ({ ...all, version: String((calls += 1)) }) }],
  [
    "tells another gateway something else",
    "describe-same-on-new-connection",
    { describe: ({ gatewayId }) => (gatewayId === "conformance" ? undefined : message(10, 1, 65)) },
  ],
  [
    "refuses fields it does not know",
    "describe-ignores-unknown-fields",
    { describe: (_, { message: bytes }) => (bytes.includes("newer contract") ? refusing(3) : undefined) },
  ],
  [
    "refuses the operator's config",
    "describe-accepts-bindings",
    { describe: ({ bindings }) => (bindings.length > 0 ? refusing(3) : undefined) },
  ],
  [
    "dies of a binding it does not have",
    "describe-foreign-binding",
    { describe: ({ bindings }) => (bindings.some(({ bindingId }) => bindingId.startsWith("not-")) ? refusing(14) : undefined) },
  ],
  [
    "takes garbage for a Describe",
    "describe-garbage",
    { call: ({ method }) => (method === METHODS.describe ? message(10, 1, 65) : undefined) },
  ],

  ["has a state scope of its own", "manifest-facts", { manifest: (all) => ({ ...all, stateScope: 9 as 1 }) }],
  ["has an id in upper case", "manifest-ids", { manifest: declaring({ id: "Look" }) }],
  [
    "declares a binding twice",
    "manifest-ids-unique",
    { manifest: (all) => ({ ...all, bindings: [...all.bindings, ...all.bindings] }) },
  ],
  ["declares a phase nobody knows", "manifest-phases-and-modes", { manifest: declaring({ phase: 9 as 1 }) }],
  ["declares no mode", "manifest-phases-and-modes", { manifest: declaring({ mode: 0 }) }],
  ["needs a response before there is one", "manifest-needs", { manifest: declaring({ needs: ["/response/status"] }) }],
  ["needs something a view does not have", "manifest-needs", { manifest: declaring({ needs: ["/request/cookies"] }) }],
  ["wants to write the host", "manifest-writes", { manifest: declaring({ writes: ["/request/host"] }) }],
  ["owns a header it does not write", "manifest-owned-headers", { manifest: declaring({ ownsHeaders: ["x-b"] }) }],
  [
    "owns content-type",
    "manifest-owned-headers",
    { manifest: declaring({ ownsHeaders: ["content-type"], writes: ["/request/headers"] }) },
  ],
  [
    "selects a method in lower case",
    "manifest-selectors",
    { manifest: declaring({ selector: { methods: ["post"], hosts: [], paths: [] } }) },
  ],
  ["has an empty entry in a list", "manifest-lists", { manifest: declaring({ needs: [""] }) }],

  ["echoes another id", "verdict-for-typical-view", { review: (_, usual) => verdictReply(usual, "another") }],
  ["answers neither yes nor no", "verdict-for-typical-view", { review: ({ reviewId }) => raw({ reviewId }) }],
  [
    "answers yes and with a response of its own",
    "verdict-for-typical-view",
    { review: ({ reviewId }) => raw({ reviewId, allow: {}, respond: { httpStatus: 200 } }) },
  ],
  [
    "breaks without a body",
    "verdict-for-absent-fields",
    { review: ({ bindingId, view }) => (bindingId === "look" && view?.request?.body === undefined ? refusing(2) : undefined) },
  ],
  [
    "breaks on unusual letters",
    "verdict-for-odd-texts",
    { review: ({ view }) => (JSON.stringify(view?.request?.headers ?? "").includes("caf") ? refusing(2) : undefined) },
  ],
  [
    "answers with more than was allowed",
    "verdict-size",
    { review: ({ reviewId }) => verdictReply({ ...ALLOW, warnings: ["w".repeat(1_100_000)] }, reviewId) },
  ],
  [
    "patches as a validator",
    "verdict-fits-mode",
    {
      review: ({ bindingId, reviewId }) =>
        bindingId === "look" ? verdictReply({ ...ALLOW, patches: PATCH }, reviewId) : undefined,
    },
  ],
  ["patches more than was allowed", "verdict-patch-count", { review: patching(Array.from({ length: 33 }, () => PATCH).flat()) }],
  [
    "patches what it did not declare",
    "verdict-patches-apply",
    { review: patching([{ op: "add", path: "/request/headers/x-z", value: "1" }]) },
  ],
  [
    "patches a protected header",
    "verdict-patches-apply",
    { review: patching([{ op: "add", path: "/request/headers/via", value: "1" }]) },
  ],
  [
    "writes a header with a line break",
    "verdict-patches-apply",
    { review: patching([{ op: "add", path: "/request/headers/x-b", value: "a\r\nb: c" }]) },
  ],
  ["removes what is not there", "verdict-patches-apply", { review: patching([{ op: "remove", path: "/request/headers/x-b" }]) }],
  ["denies with 200", "verdict-denials", { review: always(denying(200, "fine")) }],
  ["denies with a code of the gateway", "verdict-denials", { review: always(denying(403, "route_not_found")) }],
  [
    "denies with a header it may not set",
    "verdict-denials",
    { review: always({ ...denying(403, "no"), headers: [{ name: "location", value: "/" }] } as VerdictDraft) },
  ],
  ["denies without a sentence", "verdict-denials", { review: always({ ...denying(403, "no"), message: "" } as VerdictDraft) }],
  [
    "responds after the upstream did",
    "verdict-responds",
    { review: ({ reviewId }) => raw({ reviewId, respond: { httpStatus: 200 } }) },
  ],
  [
    "notes too much",
    "verdict-notes",
    {
      review: ({ reviewId }) =>
        raw({ reviewId, allow: {}, annotations: Array.from({ length: 17 }, () => ({ name: "a", value: "b" })) }),
    },
  ],
  ["warns at length", "verdict-notes", { review: ({ reviewId }) => raw({ reviewId, allow: {}, warnings: ["w".repeat(257)] }) }],
  [
    "says it is cacheable and changes its mind",
    "verdict-repeatable",
    { review: ({ reviewId }) => verdictReply((calls += 1) % 2 === 0 ? ALLOW : denying(403, "no"), reviewId) },
  ],

  ["cuts a long id", "review-echoes-id", { review: ({ reviewId }, usual) => verdictReply(usual, reviewId.slice(0, 64)) }],
  [
    "counts a repeat of an idempotent review again",
    "review-twice-same-id",
    { review: ({ attempt, reviewId }) => (attempt === 2 ? verdictReply(denying(429, "again"), reviewId) : undefined) },
  ],
  ["knows no second attempts", "review-second-attempt", { review: ({ attempt }) => (attempt > 1 ? refusing(6) : undefined) }],
  [
    "compares the binding's digest",
    "review-ignores-unknown-digest-of-binding",
    { review: ({ bindingDigest }) => (bindingDigest.startsWith("0") ? refusing(9) : undefined) },
  ],
  [
    "waits for what an operator took out",
    "narrowed-needs",
    {
      review: ({ bindingId, view }) => (bindingId === "look" && view?.request?.body === undefined ? { kind: "hang" } : undefined),
    },
  ],
  [
    "patches although it was granted less",
    "narrowed-mode",
    {
      review: ({ bindingId, reviewId }) =>
        bindingId === "change" ? verdictReply({ ...ALLOW, patches: PATCH }, reviewId) : undefined,
    },
  ],
  [
    "hangs on an empty view",
    "empty-view",
    { review: ({ view }) => (view?.request === undefined ? { kind: "hang" } : undefined) },
  ],
  ["refuses large views", "large-view", { call: ({ message: bytes }) => (bytes.length > 500_000 ? refusing(8) : undefined) }],
  [
    "gives a verdict it was not allowed to when limits are low, and a wrong one",
    "told-limits",
    { review: ({ reviewId }) => raw({ reviewId: `${reviewId}!`, allow: {} }) },
  ],
  ["allows for bindings it does not have", "unknown-binding", { call: allowingBlindly }],
  ["allows at any phase", "binding-at-another-phase", { call: allowingBlindly }],
  ["allows at no phase", "unknown-phase", { call: allowingBlindly }],
  ["gives broken verdicts to unknown modes", "unknown-mode", { review: ({ mode }) => (mode === 0 ? message(0xff) : undefined) }],
  ["judges by any config", "config-unknown-digest", { call: allowingBlindly }],
  [
    "refuses the config it was told",
    "config-known-digest",
    { review: ({ configDigest }) => (configDigest === "" ? undefined : refusing(9)) },
  ],
  [
    "breaks when two gateways differ",
    "config-side-by-side",
    { review: ({ configDigest }) => (configDigest.startsWith("cd") || configDigest === "" ? undefined : refusing(13)) },
  ],

  [
    "refuses reviews with fields it does not know",
    "unknown-fields",
    {
      call: ({ method, message: bytes }) =>
        method === METHODS.review && bytes.includes("newer contract") ? refusing(3) : undefined,
    },
  ],
  [
    "takes garbage for a review",
    "garbage-review",
    { call: ({ method }) => (method === METHODS.review ? raw({ allow: {} }) : undefined) },
  ],
  [
    "takes half a review for a whole one",
    "truncated-review",
    { call: ({ method }) => (method === METHODS.review ? raw({ allow: {} }) : undefined) },
  ],
  [
    "takes any bytes for text",
    "invalid-utf8",
    { call: ({ method }) => (method === METHODS.review ? raw({ allow: {} }) : undefined) },
  ],
  [
    "answers methods it does not have",
    "unknown-method",
    { call: ({ method }) => (method.endsWith("Reconsider") ? message() : undefined) },
  ],
  [
    "is slow",
    "deadline-within-grant",
    { review: ({ reviewId }) => ({ kind: "later", afterMs: 600, reply: verdictReply(ALLOW, reviewId) }) },
  ],
  [
    "breaks under a short deadline",
    "deadline-short",
    { call: ({ method }) => (method === METHODS.review ? { kind: "reset", code: 2 } : undefined) },
  ],
  ["mixes up what runs at once", "concurrent-reviews", { review: mixedUp() }],

  [
    "says it is not serving",
    "health-check-server",
    { call: ({ method }) => (method === HEALTH.check ? message(8, 2) : undefined) },
  ],
  [
    "does not know its own name",
    "health-check-service",
    { call: ({ method, message: bytes }) => (method === HEALTH.check && bytes.includes(SERVICE) ? refusing(5) : undefined) },
  ],
  [
    "serves everything by name",
    "health-check-unknown",
    { call: ({ method }) => (method === HEALTH.check ? message(8, 1) : undefined) },
  ],
  [
    "ends health watches at once",
    "health-watch-server",
    { call: ({ method }) => (method === HEALTH.watch ? message(8, 1) : undefined) },
  ],
  [
    "watches another health",
    "health-watch-service",
    { call: ({ method }) => (method === HEALTH.watch ? message(8, 2) : undefined) },
  ],
  [
    "watches services it does not have",
    "health-watch-unknown",
    { call: ({ method }) => (method === HEALTH.watch ? message(8, 1) : undefined) },
  ],
  [
    "ends Watch at once",
    "watch-optional",
    { call: ({ method }) => (method === METHODS.watch ? { kind: "messages", list: [] } : undefined) },
  ],
  [
    "sends events nobody can read",
    "watch-optional",
    { call: ({ method }) => (method === METHODS.watch ? message(0xff) : undefined) },
  ],
  [
    "refuses Watch otherwise than by UNIMPLEMENTED",
    "watch-ignores-unknown-fields",
    { call: ({ method }) => (method === METHODS.watch ? refusing(13) : undefined) },
  ],
  [
    "keeps those who watch waiting for headers",
    "watch-headers-at-once",
    { call: ({ method }) => (method === METHODS.watch ? { kind: "hang" } : undefined) },
  ],
  [
    "sends an event and leaves",
    "watch-optional",
    { call: ({ method }) => (method === METHODS.watch ? { kind: "message", bytes: REVOKED() } : undefined) },
  ],
  [
    "reflects another service",
    "reflection-optional",
    { call: ({ method }) => (method === REFLECTION[0] ? message(50, 0) : undefined) },
  ],
];

describe.concurrent("the conformance suite", () => {
  it.each(DEFECTS)("fails a service that %s, by the case %s", async (_what, name, conduct) => {
    const report = await reportOf(conduct, name);
    expect(report).toMatchObject({ name, outcome: "fail" });
    expect(report?.reason).not.toMatch(/the suite broke|did not end/);
  });

  const names = [...new Set(DEFECTS.map(([, name]) => name))];

  it.each(names)("does not fail a service that does nothing wrong, by the case %s", async (name) => {
    const report = await reportOf({}, name);
    expect(report, report?.reason).not.toMatchObject({ outcome: "fail" });
  });
});

const REVOKED = (): Uint8Array => Event.encode({ kind: { $case: "revoke", value: { tags: ["a"] } } }).finish();

function message(...bytes: readonly number[]): Reply {
  return { kind: "message", bytes: Uint8Array.from(bytes) };
}

function raw(verdict: Parameters<typeof Verdict.fromPartial>[0]): Reply {
  return { kind: "message", bytes: Verdict.encode(Verdict.fromPartial(verdict)).finish() };
}

function always(draft: VerdictDraft): NonNullable<Conduct["review"]> {
  return ({ reviewId }) => verdictReply(draft, reviewId);
}

function patching(patches: readonly PatchOperation[]): NonNullable<Conduct["review"]> {
  return ({ bindingId, reviewId }) => (bindingId === "change" ? verdictReply({ ...ALLOW, patches }, reviewId) : undefined);
}

function declaring(changes: object): NonNullable<Conduct["manifest"]> {
  return (all) => ({
    ...all,
    bindings: all.bindings.map((binding, index) => (index === 0 ? { ...binding, ...changes } : binding)),
  });
}

function allowingBlindly({ method, message: bytes }: ReceivedCall): Reply | undefined {
  if (method !== METHODS.review) return undefined;
  // the first field of a review is its id
  const length = (bytes[1] ?? 0) < 0x80 ? (bytes[1] ?? 0) : 0;
  return raw({ reviewId: bytes.subarray(2, 2 + length).toString("utf8"), allow: {} });
}

/** Answers each review with the id of the one before. */
function mixedUp(): NonNullable<Conduct["review"]> {
  let before = "";
  return ({ reviewId }: ReviewRequest, usual: VerdictDraft) => {
    const reply = verdictReply(usual, before);
    before = reviewId;
    return reply;
  };
}
