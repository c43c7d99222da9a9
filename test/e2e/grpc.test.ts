import { Metadata, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { EchoClient, startGrpcEcho, type EchoService } from "../support/grpc-echo.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { configuration } from "./support/configuration.ts";

const text = (messages: readonly Buffer[]): readonly string[] => messages.map((message) => message.toString());

describe("gRPC through the gateway", () => {
  let service: EchoService;
  let gateway: TestGateway;
  let client: EchoClient;

  beforeAll(async () => {
    service = await startGrpcEcho();
    const config = configuration({
      upstreams: {
        main: { protocol: "grpc", endpoints: [`http://127.0.0.1:${service.port}`] },
        nowhere: { protocol: "grpc", endpoints: ["http://127.0.0.1:1"] },
        shared: { protocol: "grpc", endpoints: ["http://127.0.0.1:1", `http://127.0.0.1:${service.port}`] },
        spared: { protocol: "grpc", endpoints: ["http://127.0.0.1:1"], fallback: ["main"] },
      },
      routes: [
        {
          name: "echo",
          match: { grpc: { service: "t.Echo" } },
          authenticate: ["anonymous"],
          upstream: "main",
          streaming: "grpc",
          max_body_bytes: "64MiB",
        },
        {
          name: "down",
          match: { grpc: { service: "t.Down", method: "Call" } },
          authenticate: ["anonymous"],
          upstream: "nowhere",
        },
        ...["shared", "spared"].map((upstream) => ({
          name: upstream,
          match: { grpc: { service: "t.Echo" }, headers: { "x-way": upstream } },
          authenticate: ["anonymous"],
          upstream,
        })),
      ],
    });
    gateway = await startGateway({
      config: `${H2C_PREAMBLE}${config}`,
    });
    client = new EchoClient(Number(new URL(gateway.url).port));
  });

  afterAll(async () => {
    client?.[Symbol.dispose]();
    for (const part of [gateway, service]) await part?.[Symbol.asyncDispose]();
  });

  it.each([0, 1, 1_000, 271_828, 5_000_000])("carries a unary call of %i bytes", async (bytes) => {
    const { end } = client.call("/t.Echo/Unary", Buffer.alloc(bytes, "x"));
    const { code, messages } = await end;
    expect([code, messages[0]?.length]).toEqual([status.OK, bytes]);
  });

  it("carries client streaming, with several messages", async () => {
    const parts = [27_182, 8, 1_828, 45_904].map((bytes) => Buffer.alloc(bytes, "x"));
    const { code, messages } = await client.collect("/t.Echo/Client", parts);
    expect([code, messages[0]?.length]).toEqual([status.OK, 74_922]);
  });

  it("carries server streaming, every message and in order", async () => {
    const { end } = client.many("/t.Echo/Server", Buffer.from("500"));
    const { code, messages } = await end;
    expect(code).toBe(status.OK);
    expect(text(messages)).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
  });

  it("carries both ways at once: each ping is answered before the next", async () => {
    const { call, end } = client.bidi("/t.Echo/Bidi");
    for (const ping of ["a", "b", "c"]) {
      const pong = new Promise<Buffer>((resolve) => call.once("data", resolve));
      call.write(Buffer.from(ping));
      expect((await pong).toString()).toBe(ping);
    }
    call.end();
    const { code, messages } = await end;
    expect([code, text(messages)]).toEqual([status.OK, ["a", "b", "c"]]);
  });

  it("carries a stream without a message", async () => {
    const { call, end } = client.bidi("/t.Echo/Bidi");
    call.end();
    expect(await end).toMatchObject({ code: status.OK, messages: [] });
  });

  it("carries metadata both ways: initial, trailing, binary, several values", async () => {
    const metadata = new Metadata();
    metadata.add("x-echo-initial", "test_initial_metadata_value");
    metadata.add("x-echo-trailing-bin", Buffer.from([0xab, 0xab, 0x00]));
    metadata.add("x-many", "1");
    metadata.add("x-many", "2");
    const { initial, trailers, code } = await client.call("/t.Echo/Unary", Buffer.from("x"), { metadata }).end;
    expect(code).toBe(status.OK);
    expect(initial?.get("x-echo-initial")).toEqual(["test_initial_metadata_value"]);
    expect(trailers.get("x-echo-trailing-bin")).toEqual([Buffer.from([0xab, 0xab, 0x00])]);
    expect(service.calls.at(-1)?.metadata["x-many"]?.join(", ")).toBe("1, 2");
  });

  it("carries the ids of the exchange: the trace goes on, the correlation id is the client's", async () => {
    const metadata = new Metadata();
    metadata.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    metadata.set("x-correlation-id", "order-7");
    const { code, initial } = await client.call("/t.Echo/Unary", Buffer.from("x"), { metadata }).end;
    const seen = service.calls.at(-1)?.metadata;
    expect([code, seen?.["x-correlation-id"], initial?.get("x-correlation-id")]).toEqual([status.OK, ["order-7"], ["order-7"]]);
    expect(seen?.["traceparent"]).toEqual([expect.stringMatching(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/)]);
  });

  it.each([
    [2, "test status message"],
    [5, ""],
    [7, "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n"],
    [16, "100 % sure"],
  ])("carries the status %i and its message %j", async (code, details) => {
    const end = await client.call("/t.Echo/Fail", Buffer.from(JSON.stringify({ code, details }))).end;
    expect([end.code, end.details]).toEqual([code, details]);
  });

  it("carries a status in the middle of a stream", async () => {
    const { call, end } = client.bidi("/t.Echo/Bidi");
    call.write(Buffer.from("a"));
    call.write(Buffer.from("fail"));
    expect(await end).toMatchObject({ code: status.ABORTED, details: "as asked" });
  });

  it("passes the deadline on reduced, and ends the call at it", async () => {
    const { end } = client.call("/t.Echo/Hold", Buffer.from("x"), { deadlineMs: 300 });
    expect((await end).code).toBe(status.DEADLINE_EXCEEDED);
    const seen = service.calls.at(-1);
    expect(seen?.deadlineMs).toBeLessThanOrEqual(300);
    expect(seen?.deadlineMs).toBeGreaterThan(0);
    await vi.waitFor(() => expect(seen?.cancelled).toBe(true));
  });

  it("passes a client's giving up on", async () => {
    const { call, end } = client.call("/t.Echo/Hold", Buffer.from("x"));
    const count = service.calls.length;
    await vi.waitFor(() => expect(service.calls.length).toBeGreaterThan(count));
    call.cancel();
    expect((await end).code).toBe(status.CANCELLED);
    await vi.waitFor(() => expect(service.calls.at(-1)?.cancelled).toBe(true));
  });

  it("passes it on in the middle of a stream too", async () => {
    const { call, end } = client.bidi("/t.Echo/Bidi");
    const pong = new Promise((resolve) => call.once("data", resolve));
    call.write(Buffer.from("a"));
    await pong;
    call.cancel();
    expect((await end).code).toBe(status.CANCELLED);
    await vi.waitFor(() => expect(service.calls.at(-1)?.cancelled).toBe(true));
  });

  it("leaves compressed messages as they are", async () => {
    using compressing = new EchoClient(Number(new URL(gateway.url).port), { "grpc.default_compression_algorithm": 2 });
    const { code, messages } = await compressing.call("/t.Echo/Unary", Buffer.alloc(100_000, "x")).end;
    expect([code, messages[0]?.length]).toEqual([status.OK, 100_000]);
  });

  it("says UNIMPLEMENTED for what no route takes, and for what the service does not know", async () => {
    expect((await client.call("/t.Other/Call", Buffer.from("x")).end).code).toBe(status.UNIMPLEMENTED);
    expect((await client.call("/t.Echo/Other", Buffer.from("x")).end).code).toBe(status.UNIMPLEMENTED);
  });

  it("says UNAVAILABLE where the upstream cannot be reached, with the words of the problem", async () => {
    expect(await client.call("/t.Down/Call", Buffer.from("x")).end).toMatchObject({
      code: status.UNAVAILABLE,
      details: "The upstream cannot be reached.",
    });
  });

  it.each([
    ["another endpoint", "shared"],
    ["a fallback", "spared"],
  ])("takes a call, its stream of messages too, to %s where one cannot be connected to", async (_name, way) => {
    const metadata = new Metadata();
    metadata.set("x-way", way);
    for (let i = 0; i < 3; i += 1) {
      const unary = await client.call("/t.Echo/Unary", Buffer.from("x"), { metadata, deadlineMs: 5_000 }).end;
      expect([unary.code, text(unary.messages)]).toEqual([status.OK, ["x"]]);
      const { call, end } = client.bidi("/t.Echo/Bidi", { metadata });
      call.write(Buffer.from("a"));
      call.end();
      expect(await end).toMatchObject({ code: status.OK, messages: [Buffer.from("a")] });
    }
  });

  it("says RESOURCE_EXHAUSTED for more than the route takes", async () => {
    const end = await client.collect(
      "/t.Echo/Client",
      Array.from({ length: 70 }, () => Buffer.alloc(1024 * 1024)),
    );
    expect([end.code, end.details]).toEqual([status.RESOURCE_EXHAUSTED, expect.stringContaining("larger")]);
  });

  it("lets nothing but gRPC through to a service of gRPC", async () => {
    const { length } = service.calls;
    const answer = await fetch(`${gateway.url}/t.Echo/Unary`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect([answer.status, await answer.json()]).toMatchObject([415, { code: "body_unsupported" }]);
    expect(service.calls.length).toBe(length);
  });

  it.each([
    ["binary", false],
    ["text", true],
  ])("answers gRPC-Web, %s, over HTTP/1.1", async (_name, isText) => {
    const message = Buffer.concat([Buffer.of(0, 0, 0, 0, 2), Buffer.from("hi")]);
    const type = `application/grpc-web${isText ? "-text" : ""}+proto`;
    const call = async (path: string, body: Buffer) => {
      const answer = await fetch(`${gateway.url}${path}`, {
        method: "POST",
        body: isText ? body.toString("base64") : body,
        headers: { "content-type": type, "x-grpc-web": "1" },
      });
      const got = Buffer.from(await answer.arrayBuffer());
      return {
        answer,
        bytes: isText ? Buffer.concat((got.toString().match(/[^=]+=*/g) ?? []).map((part) => Buffer.from(part, "base64"))) : got,
      };
    };
    const { answer, bytes } = await call("/t.Echo/Unary", message);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, type]);
    expect(bytes.subarray(0, message.length).equals(message)).toBe(true);
    expect(bytes[message.length]).toBe(0x80);
    expect(bytes.subarray(message.length + 5).toString()).toContain("grpc-status: 0\r\n");
    const refused = await call("/t.Other/Call", message);
    expect([refused.answer.status, refused.answer.headers.get("grpc-status")]).toEqual([200, "12"]);
  });

  it("does not pile up what its client does not read", async () => {
    const before = process.memoryUsage().rss;
    const { call } = client.many("/t.Echo/Endless", Buffer.alloc(0));
    await new Promise((resolve) => call.once("data", resolve));
    call.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    call.cancel();
    await vi.waitFor(() => expect(service.calls.at(-1)?.cancelled).toBe(true));
  });
});
