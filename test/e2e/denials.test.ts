import type { Verdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowing } from "../support/test-interceptor.ts";
import { problemOf, reviewsOf } from "./support/ask.ts";
import { readMetrics } from "./support/metrics.ts";
import { response } from "./support/recording-upstream.ts";
import { reviewed, type Reviewed } from "./support/reviewed.ts";
import { rawVerdict } from "./support/scripted.ts";

type Fields = Parameters<typeof Verdict.fromPartial>[0];

const ROUTES = [
  { route: "mutate-closed", phase: "pre-route", mode: "mutate", policy: "fail-closed" },
  { route: "mutate-open", phase: "pre-route", mode: "mutate", policy: "fail-open" },
  { route: "validate-open", phase: "pre-auth", mode: "validate", policy: "fail-open" },
  { route: "post-open", phase: "post-response", mode: "mutate", policy: "fail-open" },
  { route: "post-closed", phase: "post-response", mode: "validate", policy: "fail-closed" },
] as const;

let house: Reviewed;

beforeAll(async () => {
  house = await reviewed(
    ROUTES.map(({ route, phase, mode, policy }) => ({
      declares: {
        id: route,
        phase,
        mode,
        needs: ["/request/path"],
        writes: mode === "mutate" ? [phase === "post-response" ? "/response/headers" : "/request/headers"] : [],
      },
      operator: { failure_policy: policy },
    })),
    { respond: () => response("canary", { status: 201, headers: ["X-Upstream: canary"] }) },
  );
});

afterAll(() => house?.[Symbol.asyncDispose]());

/** What a service sends besides, or instead, and the problem a client gets. */
interface Oddity {
  readonly what: string;
  readonly deny?: Fields["deny"];
  readonly beside?: Fields;
  readonly client?: Readonly<Record<string, unknown>>;
  /** Parts dropped, by name (C8). */
  readonly defects: readonly string[];
}

const EVERYDAY = { httpStatus: 409, code: "name_taken", message: "choose another name" };

const stray = { op: 1, path: "/request/host", valueJson: '"elsewhere"' } as const;

const ODDITIES: readonly Oddity[] = [
  { what: "nothing odd about it", defects: [] },
  ...[200, 302, 99, 600, 0].map((httpStatus): Oddity => ({
    what: `status ${httpStatus}`,
    deny: { httpStatus },
    client: { status: 403 },
    defects: ["status"],
  })),
  { what: "a stray patch", beside: { patches: [stray] }, defects: ["patches"] },
  { what: "33 patches", beside: { patches: Array.from({ length: 33 }, () => stray) }, defects: ["patches"] },
  { what: "a patch that cannot be read", beside: { patches: [{ ...stray, valueJson: "{" }] }, defects: ["patches"] },
  { what: "an allow", beside: { allow: {} }, defects: ["allow"] },
  { what: "a respond", beside: { respond: { httpStatus: 200 } }, defects: ["respond"] },
  {
    what: "a code of the gateway's own",
    deny: { code: "interceptor_timeout" },
    client: { code: "review_denied" },
    defects: ["code"],
  },
  { what: "a code that is none", deny: { code: "Not A Code" }, client: { code: "review_denied" }, defects: ["code"] },
  { what: "no message", deny: { message: "" }, client: { detail: expect.stringMatching(/^\S.*\.$/) }, defects: ["message"] },
  {
    what: "a message of control characters",
    deny: { message: "a\r\nset-cookie: b" },
    client: { detail: "a  set-cookie: b" },
    defects: ["message"],
  },
  {
    what: "a message over 1 KiB",
    deny: { message: "x".repeat(1025) },
    client: { detail: "x".repeat(1024) },
    defects: ["message"],
  },
  { what: "a body that is no JSON", deny: { bodyJson: "{" }, defects: ["body"] },
  {
    what: "17 annotations",
    beside: { annotations: Array.from({ length: 17 }, (_, index) => ({ name: `a${index}`, value: "v" })) },
    defects: ["annotations"],
  },
  { what: "17 warnings", beside: { warnings: Array.from({ length: 17 }, () => "w") }, defects: ["warnings"] },
  { what: "a gRPC code that is none", deny: { grpcCode: 99 }, defects: ["grpc_code"] },
];

describe.each(ROUTES)("a deny at $phase of a $mode binding under $policy", ({ route, phase }) => {
  it.each(ODDITIES)("stays a deny with $what (C8, C9)", async ({ deny, beside, client, defects }) => {
    house.service.answers = ({ reviewId }) => rawVerdict({ reviewId, ...beside, deny: { ...EVERYDAY, ...deny } });
    const series = { interceptor: "scripted", binding: route, phase };
    const before = await readMetrics(house.gateway);
    const { answer, line, seen } = await house.send({ path: `/${route}/a` });
    const problem = problemOf(answer);
    expect(problem).toMatchObject({
      status: 409,
      code: "name_taken",
      detail: "choose another name",
      retryable: false,
      ...client,
    });
    expect(problem.body).toBeUndefined();
    expect(answer.status).toBe(problem.status);
    // who decided is for the log only, and of what the upstream may have said nothing is left
    expect(answer.raw).not.toMatch(/scripted|canary|elsewhere/);
    expect(seen).toHaveLength(phase === "post-response" ? 1 : 0);
    expect(line).toMatchObject({ level: "info", outcome: "denied", decided_by: `scripted/${route}`, code: problem.code });
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ verdict: "deny", ...(defects.length === 0 ? {} : { defects }) })]);
    const after = await readMetrics(house.gateway);
    const grown = (name: string, labels = {}) => after(name, { ...series, ...labels }) - before(name, { ...series, ...labels });
    expect(grown("sallyport_reviews_total", { outcome: "deny" })).toBe(1);
    expect(grown("sallyport_verdict_defects_total")).toBe(defects.length);
    expect(grown("sallyport_review_fail_open_total")).toBe(0);
  });
});

describe("what a deny may say", () => {
  it("is these headers, and never framing, cookies, CORS, a location or one of its own making (C9)", async () => {
    const kept = {
      "retry-after": "7",
      "www-authenticate": 'Bearer realm="x"',
      "ratelimit-remaining": "0",
      ratelimit: '"default";r=0',
    };
    const dropped = [
      "set-cookie",
      "location",
      "access-control-allow-origin",
      "content-length",
      "content-type",
      "transfer-encoding",
      "connection",
      "x-custom",
      "sallyport-warning",
      "x-request-id",
      "via",
    ];
    const headers = [...Object.entries(kept), ...dropped.map((name) => [name, "1"] as const)].map(([name, value]) => ({
      name,
      value,
    }));
    house.service.answers = ({ reviewId }) => rawVerdict({ reviewId, deny: { ...EVERYDAY, httpStatus: 429, headers } });
    const { answer } = await house.send({ path: "/mutate-closed/a" });
    expect(answer.headers).toMatchObject({
      ...kept,
      "content-type": "application/problem+json",
      "content-length": String(answer.body.byteLength),
    });
    for (const name of ["set-cookie", "location", "access-control-allow-origin", "x-custom", "sallyport-warning"])
      expect(answer.headers[name]).toBeUndefined();
    // 429 passes by itself
    expect(problemOf(answer).retryable).toBe(true);
  });

  it("is a JSON body inside the problem, every digit as it was written (C9)", async () => {
    const bodyJson = '{"id":12345678901234567890,"price":1.0,"list":[1e5]}';
    house.service.answers = ({ reviewId }) => rawVerdict({ reviewId, deny: { ...EVERYDAY, bodyJson } });
    const { answer } = await house.send({ path: "/mutate-closed/a" });
    expect(answer.body.toString()).toContain(`"body":${bodyJson}`);
    expect(problemOf(answer).code).toBe("name_taken");
  });

  it("is nothing when it answers another review: that is invalid, not a deny (C8)", async () => {
    house.service.answers = () => rawVerdict({ reviewId: "of-somebody-else", deny: EVERYDAY });
    const { answer, line, seen } = await house.send({ path: "/mutate-closed/a" });
    expect(problemOf(answer)).toMatchObject({ status: 502, code: "interceptor_invalid_verdict" });
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "contract" })]);
    expect(seen).toEqual([]);
  });

  it("never softens into an allow of the same message, whichever comes last on the wire (C8)", async () => {
    const bytes = (fields: Fields) => {
      const reply = rawVerdict(fields);
      return reply.kind === "message" ? reply.bytes : new Uint8Array();
    };
    house.service.answers = ({ reviewId }) => ({
      kind: "message",
      bytes: Buffer.concat([bytes({ reviewId, deny: EVERYDAY }), bytes({ reviewId, allow: {} })]),
    });
    expect((await house.send({ path: "/mutate-open/a" })).answer.status).toBe(409);
    house.service.answers = ({ reviewId }) => allowing(reviewId);
    expect((await house.send({ path: "/mutate-open/a" })).answer.status).toBe(201);
  });
});
