import { describe, expect, it } from "vitest";
import { endOfStream } from "../../../src/model/connect.ts";
import { ToldFailure } from "../../../src/model/told-failure.ts";
import type { Closing } from "../../../src/ports/long-lived.ts";
import { textOf } from "../../support/byte-flow.ts";
import { allow, binding, deny } from "../../support/fake-binding.ts";
import { Scene } from "../../support/pipeline.ts";

const UNARY = { method: "POST", headers: { "content-type": "application/json", "connect-protocol-version": "1" } };
const STREAM = { method: "POST", headers: { "content-type": "application/connect+proto" } };

const DENIED: Closing = { code: "review_denied", by: "svc/guard", source: "client", reason: "denied" };

const MESSAGE = Uint8Array.of(0, 0, 0, 0, 2, 104, 105);

describe("an exchange of Connect", () => {
  it("is http to interceptors, who may read what a unary call says", async () => {
    const reading = binding("reading", {
      phase: "pre-route",
      needs: ["/request/protocol", "/request/body"],
      body: "json",
      review: allow([]),
    });
    const scene = new Scene([{ bindings: [reading] }]);
    expect((await scene.send({ ...UNARY, body: '{"a":1}' })).status).toBe(200);
    expect(reading.asked[0]?.subject.exchange.protocol).toBe("http");
    expect(reading.asked[0]?.subject.requestBody).toBeDefined();
  });

  it("is refused where a stream would have to be read (C18)", async () => {
    const reading = binding("reading", { phase: "pre-route", needs: ["/request/body"], body: "json", review: allow([]) });
    const scene = new Scene([{ bindings: [reading] }]);
    const reply = await scene.send({ ...STREAM, body: "x" });
    expect([reply.status, reply.headers["content-type"], scene.upstream.requests]).toEqual([
      200,
      "application/connect+proto",
      [],
    ]);
    expect(JSON.parse(reply.text.slice(5))).toMatchObject({ error: { code: "invalid_argument" } });
  });

  it("is denied in its own words", async () => {
    const denying = binding("denying", { phase: "pre-route", review: deny({ message: "Not you." }) });
    const scene = new Scene([{ bindings: [denying] }]);
    const unary = await scene.send({ ...UNARY, body: "{}" });
    expect([unary.status, JSON.parse(unary.text)]).toEqual([403, { code: "permission_denied", message: "Not you." }]);
    const stream = await scene.send({ ...STREAM, body: "x" });
    expect([stream.status, stream.headers["content-type"]]).toEqual([200, "application/connect+proto"]);
    expect(JSON.parse(stream.text.slice(5))).toEqual({ error: { code: "permission_denied", message: "Not you." } });
  });

  it.each([
    ["0", 504, "deadline_exceeded"],
    ["soon", 400, "invalid_argument"],
  ])("has the time %j of its own", async (timeout, status, code) => {
    const scene = new Scene([{}]);
    const unary = await scene.send({ ...UNARY, headers: { ...UNARY.headers, "connect-timeout-ms": timeout }, body: "{}" });
    const stream = await scene.send({ ...STREAM, headers: { ...STREAM.headers, "connect-timeout-ms": timeout }, body: "x" });
    expect([unary.status, stream.status]).toEqual([status, 200]);
    expect(JSON.parse(stream.text.slice(5))).toMatchObject({ error: { code } });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("has its time passed on, reduced by what has passed", async () => {
    const slow = binding("slow", {
      phase: "pre-route",
      review: async () => {
        scene.clock.advance(40);
        return allow([]);
      },
    });
    const scene = new Scene([{ bindings: [slow] }]);
    await scene.send({ ...UNARY, headers: { ...UNARY.headers, "connect-timeout-ms": "1000" }, body: "{}" });
    const headers = scene.upstream.requests[0]?.headers ?? [];
    const left = Number(headers[headers.indexOf("connect-timeout-ms") + 1]);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(960);
  });

  it.each([
    ["between two messages, in an envelope", [MESSAGE], true],
    ["in the middle of one, by being cut", [MESSAGE, MESSAGE.subarray(0, 6)], false],
  ])("is told that its stream broke off %s", async (_name, body, told) => {
    const scene = new Scene([{}]);
    scene.upstream.answer = () =>
      scene.upstream.respond({
        headers: [["content-type", "application/connect+proto"]],
        body,
        stream: { chunked: true, breaksWith: { problem: "upstream_timeout" } },
      });
    const { response } = await scene.until(scene.begin({ ...STREAM, body: "x" }).answer);
    const cause = await new Promise<unknown>((resolve) => {
      if (response.body !== undefined && !(response.body instanceof Uint8Array))
        response.body.pipe({ write: () => true, end: () => resolve("ended"), fail: resolve });
    });
    expect(cause instanceof ToldFailure).toBe(told);
    if (cause instanceof ToldFailure)
      expect(cause.words).toEqual(endOfStream({ code: 4, message: "The upstream did not finish in time." }));
  });

  it("reads a 5xx of an upstream that speaks Connect as the gateway shows those, and its translation's as the service said it", async () => {
    const scene = new Scene([{}]);
    const answer = { status: 503, headers: [["content-type", "application/json"]] as const, body: ['{"code":"unavailable"}'] };
    scene.upstream.answer = () => scene.upstream.respond(answer);
    const opaque = await scene.send({ ...UNARY, body: "{}" });
    expect([opaque.status, JSON.parse(opaque.text)]).toEqual([
      503,
      { code: "unavailable", message: "The upstream could not answer this request." },
    ]);
    scene.upstream.answer = () => {
      const said = scene.upstream.respond(answer);
      return said.ok ? { ...said, value: { ...said.value, isCallError: true } } : said;
    };
    expect((await scene.send({ ...UNARY, body: "{}" })).text).toBe('{"code":"unavailable"}');
  });

  it("is closed in an envelope where it may stay open no longer (C36)", async () => {
    const guard = binding("guard", { phase: "pre-route", review: allow([], { validForMs: 1000 }) });
    const scene = new Scene([{ bindings: [guard] }]);
    scene.upstream.answer = () =>
      scene.upstream.respond({
        headers: [["content-type", "application/connect+proto"]],
        body: [MESSAGE],
        stream: { chunked: true, stalls: true },
      });
    const { response } = await scene.until(scene.begin({ ...STREAM, body: "x" }).answer);
    const over = new Promise<unknown>((resolve) => {
      if (response.body !== undefined && !(response.body instanceof Uint8Array))
        response.body.pipe({
          write: () => {
            queueMicrotask(() => scene.streams[0]?.close(DENIED));
            return true;
          },
          end: () => resolve("ended"),
          fail: resolve,
        });
    });
    const cause = await over;
    expect(cause).toBeInstanceOf(ToldFailure);
    if (cause instanceof ToldFailure && cause.words instanceof Uint8Array)
      expect(JSON.parse(textOf(cause.words.subarray(5)))).toEqual({
        error: { code: "permission_denied", message: "Closed by the gateway: review_denied." },
      });
  });
});
