import type { IncomingMessage, ServerResponse } from "node:http";
import { readFile, writeFile } from "node:fs/promises";
import { allow, binding, defineInterceptor, deny, type Answer as AnswerOf } from "@sallyport/interceptors-sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { begin } from "../support/http-client.ts";
import { startGateway, type LogLine, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, type TestInterceptor } from "../support/start-interceptor.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";

type Answer = AnswerOf<"pre-route", "validate", []>;

/** A gateway in front of an upstream of events, asking a service of the SDK that answers as the test says. */
interface Place {
  readonly gateway: TestGateway;
  readonly service: TestInterceptor;
  /** Ids of the reviews asked, in order. */
  readonly asked: readonly string[];
  /** Answers from now on. */
  answer: () => Answer;
  /** Starts the service anew where it was. */
  restart(): Promise<void>;
  /** Opens a stream at the gateway. */
  open(): Promise<Stream>;
  /** Streams that are asked about again, as the metric says. */
  openStreams(): Promise<number>;
  closedFor(reason: string): Promise<number>;
}

/** An open stream, from both ends. */
interface Stream {
  /** The upstream's end. */
  readonly upstream: ServerResponse;
  readonly response: IncomingMessage;
  /** Received so far. */
  readonly text: string;
  /** Resolves when nothing more comes, with whether it came to a proper end. */
  readonly over: Promise<"whole" | "cut">;
  readonly line: Promise<LogLine>;
}

const SECOND = 1_000;

async function start(options: { readonly answer?: () => Answer; readonly operator?: object } = {}): Promise<Place> {
  const parts = new AsyncDisposableStack();
  onTestFinished(() => parts.disposeAsync());
  const responses: ((response: ServerResponse) => void)[] = [];
  const upstream = parts.use(
    await startStreamingUpstream((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      responses.shift()?.(response);
    }),
  );
  const asked: string[] = [];
  let answer = options.answer ?? (() => allow().validFor(SECOND));
  const gate = binding({
    phase: "pre-route",
    mode: "validate",
    needs: ["/request/path"],
    cacheable: true,
    review: (_view, { reviewId }) => {
      asked.push(reviewId);
      return answer();
    },
  });
  const interceptor = defineInterceptor({ name: "gate", version: "1", bindings: { gate } });
  const service = parts.use(await startInterceptor(interceptor));
  const gateway = parts.use(
    await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("events")],
        interceptors: [
          interceptorAt(service.port, {
            name: "gate",
            timeout: "500ms",
            bindings: [{ id: "gate", phase: "pre-route", mode: "validate", ...options.operator }],
          }),
        ],
      }),
    }),
  );
  const metric = async (name: string, labels: Readonly<Record<string, string>>): Promise<number> =>
    (await readMetrics(gateway))(name, labels);
  return {
    gateway,
    service,
    asked,
    get answer() {
      return answer;
    },
    set answer(next) {
      answer = next;
    },
    restart: async () => void parts.use(await startInterceptor(interceptor, service.port)),
    open: async () => {
      const atUpstream = new Promise<ServerResponse>((resolve) => responses.push(resolve));
      return streamOf(gateway, atUpstream);
    },
    openStreams: () => metric("sallyport_long_lived_open", {}),
    closedFor: (reason) => metric("sallyport_long_lived_closed_total", { reason }),
  };
}

async function streamOf(gateway: TestGateway, atUpstream: Promise<ServerResponse>): Promise<Stream> {
  const { request, response: begun } = begin(`${gateway.url}/events/all`);
  request.end();
  const response = await begun;
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (piece: string) => (text += piece));
  response.on("error", () => {});
  const over = new Promise<"whole" | "cut">((resolve) =>
    response.once("close", () => resolve(response.complete ? "whole" : "cut")),
  );
  const requestId = response.headers["x-request-id"];
  return {
    upstream: await atUpstream,
    response,
    over,
    get text() {
      return text;
    },
    get line() {
      return gateway.lineWhere(({ event, request_id }) => event === "exchange" && request_id === requestId);
    },
  };
}

const edit = async ({ gateway }: Place, from: string, to: string): Promise<void> => {
  const text = await readFile(gateway.configFile, "utf8");
  expect(text).toContain(from);
  await writeFile(gateway.configFile, text.replace(from, to));
  expect((await gateway.running.reload("admin")).kind).toBe("swapped");
};

const elapsed = async (work: PromiseLike<unknown>): Promise<number> => {
  const begunMs = performance.now();
  await work;
  return performance.now() - begunMs;
};

const expectInFlight = async ({ gateway }: Place, count: number): Promise<void> => {
  await expect.poll(async () => (await readMetrics(gateway))("sallyport_in_flight_exchanges", {})).toBe(count);
};

/** Everything there is of a stream is gone. */
async function expectNothingLeft(place: Place): Promise<void> {
  await expect.poll(() => place.openStreams()).toBe(0);
  await expectInFlight(place, 0);
}

describe("an open stream of events that was let through for a time (C36)", () => {
  it("goes on byte for byte while it is allowed again and again", async () => {
    const place = await start();
    const stream = await place.open();
    expect(await place.openStreams()).toBe(1);
    let sent = "";
    for (let i = 0; place.asked.length < 4; i += 1) {
      const piece = i % 3 === 0 ? `id: ${i}\ndata: ` : i % 3 === 1 ? `häppchen ${i}\r\n` : "\r\n";
      sent += piece;
      stream.upstream.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stream.upstream.end("data: last\n\n");
    expect(await stream.over).toBe("whole");
    expect(stream.text).toBe(`${sent}data: last\n\n`);
    const [first = ""] = place.asked;
    expect(place.asked).toEqual([first, `${first}:r1`, `${first}:r2`, `${first}:r3`]);
    expect(await stream.line).toMatchObject({ outcome: "forwarded", complete: true });
    await expectNothingLeft(place);
  });

  it("is closed with a reason once it is denied, and its upstream let go", async () => {
    const place = await start();
    const stream = await place.open();
    const upstreamGone = new Promise((resolve) => stream.upstream.once("close", resolve));
    stream.upstream.write("data: 1\n\n");
    place.answer = () => deny(403, "suspended", "This account is suspended.");
    expect(await stream.over).toBe("cut");
    expect(stream.text).toBe("data: 1\n\n: closed by the gateway: suspended\n\n");
    await upstreamGone;
    expect(await stream.line).toMatchObject({
      level: "info",
      outcome: "closed",
      decided_by: "gate/gate",
      code: "suspended",
      complete: false,
    });
    const line = await place.gateway.lineWhere(({ event }) => event === "re_review");
    expect(line).toMatchObject({
      outcome: "closed",
      route: "events",
      count: 1,
      reviews: [{ binding: "gate/gate", verdict: "deny" }],
    });
    expect(await place.closedFor("denied")).toBe(1);
    await expectNothingLeft(place);
  });

  it("outlives a reload that changes its upstream, whose old generation retires meanwhile", async () => {
    const place = await start();
    const stream = await place.open();
    await edit(place, '"endpoints"', '"timeouts":{"connect":"3s"},"endpoints"');
    await expectInFlight(place, 0);
    const before = place.asked.length;
    await expect.poll(() => place.asked.length, { timeout: 3_000 }).toBeGreaterThan(before + 1);
    stream.upstream.end("data: still here\n\n");
    expect(await stream.over).toBe("whole");
    expect(stream.text).toBe("data: still here\n\n");
    await expectNothingLeft(place);
  });

  it("is closed at the next re-review after a reload took its route away", async () => {
    const place = await start();
    const stream = await place.open();
    await edit(place, "/events/**", "/elsewhere/**");
    expect(await stream.over).toBe("cut");
    expect(stream.text).toBe(": closed by the gateway: route_not_found\n\n");
    expect(await stream.line).toMatchObject({ outcome: "closed", decided_by: "router", code: "route_not_found" });
    expect(await place.closedFor("route-gone")).toBe(1);
    await expectNothingLeft(place);
  });

  it("has one grace when its service is gone, and is closed then", async () => {
    const place = await start();
    const stream = await place.open();
    await place.service.running.close();
    const first = await place.gateway.lineWhere(({ event }) => event === "re_review");
    expect(first).toMatchObject({ level: "warn", outcome: "failed", decided_by: "gate/gate", code: "interceptor_unavailable" });
    expect(await place.openStreams()).toBe(1);
    const graceMs = await elapsed(stream.over);
    expect(graceMs).toBeGreaterThan(SECOND * 0.8);
    expect(stream.text).toBe(": closed by the gateway: interceptor_unavailable\n\n");
    expect(await stream.line).toMatchObject({ level: "warn", outcome: "closed", source: "interceptor" });
    expect(await place.closedFor("failed")).toBe(1);
    await expectNothingLeft(place);
  });

  it("stays open without its service where the binding fails open", async () => {
    const place = await start({ operator: { failure_policy: "fail-open" } });
    const stream = await place.open();
    await place.service.running.close();
    const failures = async (): Promise<number> =>
      (await readMetrics(place.gateway))("sallyport_review_fail_open_total", {
        interceptor: "gate",
        binding: "gate",
        phase: "pre-route",
      });
    await expect.poll(failures, { timeout: 5_000 }).toBe(2);
    stream.upstream.end("data: 1\n\n");
    expect([await stream.over, stream.text]).toEqual(["whole", "data: 1\n\n"]);
    await expectNothingLeft(place);
  });

  it.each([
    ["the service", {}],
    ["the service, whose verdicts are kept,", { cache: {} }],
    ["an operator", { cache: {} }],
  ])("is asked about at once when %s revokes a tag of its verdict", async (who, operator) => {
    const place = await start({ answer: () => allow().cacheFor(60_000, ["customer-17"]), operator });
    // the gateway watches
    await expect.poll(() => place.service.running.revoke("nobody")).toBe(1);
    const stream = await place.open();
    place.answer = () => deny(403, "suspended", "This account is suspended.");
    const revoke = async (tag: string): Promise<void> => {
      if (who !== "an operator") return expect(place.service.running.revoke(tag)).toBe(1);
      const answer = await fetch(`${place.gateway.adminUrl}/admin/revoke`, {
        method: "POST",
        headers: { authorization: `Bearer ${place.gateway.adminToken}`, "content-type": "application/json" },
        body: JSON.stringify({ interceptor: "gate", tags: [tag] }),
      });
      expect(answer.status).toBe(200);
    };
    await revoke("customer-18");
    stream.upstream.write("data: 1\n\n");
    await expect.poll(() => stream.text).toBe("data: 1\n\n");
    expect(place.asked).toHaveLength(1);
    await revoke("customer-17");
    expect(await elapsed(stream.over)).toBeLessThan(SECOND);
    expect(stream.text).toBe("data: 1\n\n: closed by the gateway: suspended\n\n");
    await expectNothingLeft(place);
  });

  it("with a tag is asked about when its service comes back: nobody heard what it revoked meanwhile", async () => {
    const place = await start({ answer: () => allow().cacheFor(60_000, ["customer-17"]) });
    const stream = await place.open();
    await place.service.running.close();
    place.answer = () => deny(403, "suspended", "This account is suspended.");
    await place.restart();
    expect(await stream.over).toBe("cut");
    expect(stream.text).toBe(": closed by the gateway: suspended\n\n");
    await expectNothingLeft(place);
  });

  it("leaves nothing behind when its client leaves", async () => {
    const place = await start();
    const stream = await place.open();
    const upstreamGone = new Promise((resolve) => stream.upstream.once("close", resolve));
    stream.response.destroy();
    await upstreamGone;
    expect(await stream.line).toMatchObject({ outcome: "cancelled", status: 200 });
    await expectNothingLeft(place);
    expect(place.asked).toHaveLength(1);
  });

  it("is cut by a drain like any other exchange, and holds nothing up", async () => {
    const place = await start();
    const stream = await place.open();
    const tookMs = await elapsed(place.gateway.running[Symbol.asyncDispose]());
    expect(await stream.over).toBe("cut");
    expect(tookMs).toBeLessThan(5 * SECOND);
    expect(await stream.line).toMatchObject({ complete: false });
  });
});
