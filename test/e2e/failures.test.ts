import type { FailurePolicy, Mode, Phase } from "@sallyport/contract/phase.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { readMetrics } from "./support/metrics.ts";
import { response, withoutIds } from "./support/recording-upstream.ts";
import { reviewed, type Passed, type Reviewed, type Row } from "./support/reviewed.ts";
import { FAILURES, MAX_RESPONSE_BYTES, MORE_CAUSES, type Failing } from "./support/failing.ts";

const PHASES = ["pre-auth", "pre-route", "post-response"] as const satisfies readonly Phase[];
const MODES = ["mutate", "validate"] as const satisfies readonly Mode[];
const POLICIES = ["fail-closed", "fail-open"] as const satisfies readonly FailurePolicy[];

/** The client's answer before the upstream is reached (RFC.md §5.3). */
const ANSWERS = {
  unavailable: { status: 503, code: "interceptor_unavailable", retryable: true, retryAfter: true },
  timeout: { status: 504, code: "interceptor_timeout", retryable: true, retryAfter: false },
  invalid: { status: 502, code: "interceptor_invalid_verdict", retryable: false, retryAfter: false },
  overloaded: { status: 503, code: "interceptor_overloaded", retryable: true, retryAfter: true },
} as const;

/** A request whose bytes any second writer would write differently: order, case, repetition, odd JSON. */
const ODD_REQUEST: Omit<Asking, "path"> = {
  method: "POST",
  headers: [
    ["X-Second", "b"],
    ["x-First", "a"],
    ["X-Second", "a"],
    ["Accept", "*/*;q=0.1, text/html"],
    ["Cookie", "a=1"],
    ["Cookie", "b=2"],
    ["Content-Type", "application/json; charset=utf-8"],
    ["Accept-Encoding", "br;q=0.1"],
    ["X-Latin", "gr\u00fc\u00df"],
  ],
  body: '{ "b" : 1.0,\n\t"a":12345678901234567890, "list":[1e5,-0 ] , "t":"\\u00e9\\/" }',
};

const SECRET_RESPONSE = response("canary in the body of the upstream", {
  status: 203,
  headers: ["X-Upstream: canary in a header", "Set-Cookie: a=canary", "Content-Type: text/plain"],
});

const pathOn = (route: string): string => `/${route}/a%20b?q=1&q=%41&&x`;

const routeOf = (phase: Phase, mode: Mode, policy: FailurePolicy | "observed", isShort = false): string =>
  [phase, mode, policy, ...(isShort ? ["short"] : [])].join("-");

describe("a review failure", () => {
  let house: Reviewed;

  beforeAll(async () => {
    const rows = [false, true].flatMap((isShort) => [
      ...PHASES.flatMap((phase) => MODES.flatMap((mode) => POLICIES.map((policy) => rowFor(phase, mode, policy, isShort)))),
      ...PHASES.map((phase) => rowFor(phase, "observe", "observed", isShort)),
    ]);
    house = await reviewed(rows, {
      respond: () => SECRET_RESPONSE,
      interceptor: { max_response_bytes: `${MAX_RESPONSE_BYTES}B` },
    });
  });

  afterAll(() => house?.[Symbol.asyncDispose]());

  /** Sends the odd request to a route whose binding meets this failure; the binding's name is the route's. */
  async function meet(failing: Failing, phase: Phase, mode: Mode, policy: FailurePolicy | "observed") {
    const name = routeOf(phase, mode, policy, failing.short);
    house.service.answers = (request) => failing.reply(request);
    const series = { interceptor: "scripted", binding: name, phase };
    const before = await readMetrics(house.gateway);
    const passed = await house.send({ ...ODD_REQUEST, path: pathOn(name) });
    const after = async () => {
      const now = await readMetrics(house.gateway);
      const grown = (metric: string, labels: Readonly<Record<string, string>>) => now(metric, labels) - before(metric, labels);
      return {
        outcome: grown("sallyport_reviews_total", { ...series, outcome: failing.failure }),
        failOpen: grown("sallyport_review_fail_open_total", series),
      };
    };
    return { ...passed, name, after };
  }

  const cases = FAILURES.flatMap((failing) =>
    PHASES.flatMap((phase) => MODES.map((mode) => ({ ...failing, phase, mode, called: failing.reason ?? failing.failure }))),
  );

  describe.each(["pre-auth", "pre-route"] as const)("fail-closed at %s", (at) => {
    it.each(cases.filter(({ phase }) => phase === at))(
      "$called: a $mode binding that $does is answered as C15 says, and the upstream is not reached",
      async (failing) => {
        const met = await meet(failing, at, failing.mode, "fail-closed");
        const { status, code, retryable, retryAfter } = ANSWERS[failing.failure];
        expect(problemOf(met.answer)).toMatchObject({ status, code, retryable });
        expect(met.answer.status).toBe(status);
        expect(met.answer.headers["retry-after"] !== undefined).toBe(retryAfter);
        expect(met.answer.raw).not.toMatch(/canary|scripted/);
        expect(met.seen).toEqual([]);
        expect(met.line).toMatchObject({ level: "warn", status, outcome: "failed", code, decided_by: `scripted/${met.name}` });
        expectReview(failing, met, "fail-closed");
        expect(await met.after()).toEqual({ outcome: 1, failOpen: 0 });
      },
    );
  });

  describe("fail-closed at post-response", () => {
    it.each(cases.filter(({ phase }) => phase === "post-response"))(
      "$called: a $mode binding that $does is answered 502 for good, and nothing of the upstream's response leaks (C17)",
      async (failing) => {
        const met = await meet(failing, "post-response", failing.mode, "fail-closed");
        const { code } = ANSWERS[failing.failure];
        expect(problemOf(met.answer)).toMatchObject({ status: 502, code, retryable: false });
        expect(met.answer.status).toBe(502);
        expect(met.answer.headers["retry-after"]).toBeUndefined();
        expect(met.answer.raw).not.toMatch(/canary|x-upstream|scripted/i);
        expect(met.seen).toHaveLength(1);
        expect(met.line).toMatchObject({
          level: "warn",
          status: 502,
          outcome: "failed",
          code,
          decided_by: `scripted/${met.name}`,
          upstream: "main",
        });
        expectReview(failing, met, "fail-closed");
        expect(await met.after()).toEqual({ outcome: 1, failOpen: 0 });
      },
    );
  });

  describe.each(PHASES)("fail-open at %s", (at) => {
    it.each(cases.filter(({ phase }) => phase === at))(
      "$called: a $mode binding that $does changes not a byte, in either direction (C19)",
      async (failing) => {
        const met = await meet(failing, at, failing.mode, "fail-open");
        const without = await sentWithout(met.name);
        expect(met.seen.map(withoutIds)).toEqual([without.request]);
        expect(withoutIds(met.answer.raw)).toBe(without.answer);
        expect(met.line).toMatchObject({ level: "info", status: 203, outcome: "forwarded", decided_by: "upstream" });
        expect(met.line["labels"]).toBeUndefined();
        expectReview(failing, met, "fail-open");
        expect(await met.after()).toEqual({ outcome: 1, failOpen: 1 });
      },
    );
  });

  describe.each(PHASES)("of an observer of %s", (at) => {
    it.each(FAILURES)(
      "$failure: when it $does, the client hears nothing of it and it is logged and counted (C29)",
      async (failing) => {
        const met = await meet(failing, at, "observe", "observed");
        const without = await sentWithout(met.name);
        expect(met.seen.map(withoutIds)).toEqual([without.request]);
        expect(withoutIds(met.answer.raw)).toBe(without.answer);
        const { request_id } = met.line;
        const told = await house.gateway.lineWhere(
          (line) => line.event === "observation_failed" && line["request_id"] === request_id,
        );
        expect(told).toMatchObject({
          level: "warn",
          binding: `scripted/${met.name}`,
          failure: failing.failure,
          ...(failing.reason === undefined ? {} : { reason: failing.reason }),
        });
        expect(await met.after()).toEqual({ outcome: 1, failOpen: 0 });
      },
    );
  });

  describe("by every other cause", () => {
    it.each(MORE_CAUSES)("is $failure where the service $does (C15)", async (failing) => {
      const met = await meet(failing, "pre-route", "mutate", "fail-closed");
      const { status, code } = ANSWERS[failing.failure];
      expect(problemOf(met.answer)).toMatchObject({ status, code });
      expect(met.seen).toEqual([]);
      expectReview(failing, met, "fail-closed");
    });
  });

  /** What the gateway without interceptors sends and answers for the same bytes. */
  async function sentWithout(name: string): Promise<{ readonly request: string; readonly answer: string }> {
    const { answer, seen } = await house.sendBare({ ...ODD_REQUEST, path: pathOn(name) });
    return { request: withoutIds(seen.join("")), answer: withoutIds(answer.raw) };
  }

  /** The failure stands in the line of its exchange and in a line of its own. */
  function expectReview(
    { failure, reason }: Failing,
    { line, name }: Pick<Passed, "line"> & { readonly name: string },
    policy: FailurePolicy,
  ): void {
    const told = { binding: `scripted/${name}`, failure, failure_policy: policy, ...(reason === undefined ? {} : { reason }) };
    expect(reviewsOf(line)).toEqual([expect.objectContaining(told)]);
    const own = house.gateway.lines.filter(({ event, request_id }) => event === "review" && request_id === line["request_id"]);
    expect(own).toEqual([expect.objectContaining({ ...told, level: "warn" })]);
  }
});

/** One binding of the table. */
function rowFor(phase: Phase, mode: Mode, policy: FailurePolicy | "observed", isShort: boolean): Row {
  const needs = [
    "/request/headers",
    "/request/body",
    "/labels",
    ...(phase === "post-response" ? ["/response/status", "/response/headers"] : []),
  ];
  const writes = mode !== "mutate" ? [] : phase === "post-response" ? ["/response/headers"] : ["/request/headers"];
  return {
    declares: { id: routeOf(phase, mode, policy, isShort), phase, mode, needs, writes, body: "json" },
    operator: { ...(policy === "observed" ? {} : { failure_policy: policy }), ...(isShort ? { timeout: "100ms" } : {}) },
  };
}
