import { connect, type ClientHttp2Session } from "node:http2";
import { gzipSync } from "node:zlib";
import { Metadata, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { EchoClient } from "../../support/grpc-echo.ts";
import { startHttp2Server, type H2cServer } from "../../support/http2-server.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { askBytes, payloadBytes, payloadMessage, startInteropService, sumOf, type InteropService } from "./test-service.ts";

const SERVICE = "/grpc.testing.TestService";
const STREAM_SIZES = [31_415, 9, 2_653, 58_979];
const STREAM_PAYLOADS = [27_182, 8, 1_828, 45_904];
const INITIAL = "x-grpc-test-echo-initial";
const TRAILING = "x-grpc-test-echo-trailing-bin";

let service: InteropService;
let raw: H2cServer;
let gateway: TestGateway;
let client: EchoClient;
/** What the raw service was sent, and how it answers. */
const seen: { coding: string | undefined; accepted: string | undefined; frames: Buffer }[] = [];
let answer: readonly Buffer[] = [];
let answerCoding = "identity";

beforeAll(async () => {
  service = await startInteropService();
  raw = await startHttp2Server(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // without an encoding they are bytes
    const { "grpc-encoding": coding, "grpc-accept-encoding": accepted } = request.headers;
    seen.push({ coding: coding?.toString(), accepted: accepted?.toString(), frames: Buffer.concat(chunks) });
    response.writeHead(200, { "content-type": "application/grpc", "grpc-encoding": answerCoding });
    response.addTrailers({ "grpc-status": "0" });
    response.end(Buffer.concat(answer));
  });
  gateway = await startGateway({
    config: `${H2C_PREAMBLE}upstreams:
  main: { protocol: grpc, endpoints: ["http://127.0.0.1:${service.port}"] }
  raw: { protocol: grpc, endpoints: ["${raw.url}"] }
routes:
  - { name: main, match: { grpc: {} }, authenticate: [anonymous], upstream: main, streaming: grpc }
  - { name: raw, match: { grpc: {}, headers: { x-raw: "1" } }, authenticate: [anonymous], upstream: raw, streaming: grpc }
`,
  });
  client = new EchoClient(Number(new URL(gateway.url).port));
});

afterAll(async () => {
  client?.[Symbol.dispose]();
  for (const part of [gateway, raw, service]) await part?.[Symbol.asyncDispose]();
});

/** One call by frames, to the service that shows what it was sent. */
async function callRaw(frames: readonly Buffer[], headers: Readonly<Record<string, string>>): Promise<Buffer> {
  const session: ClientHttp2Session = connect(gateway.url);
  try {
    const stream = session.request({
      ...{ ":method": "POST", ":path": `${SERVICE}/UnaryCall`, "content-type": "application/grpc", te: "trailers" },
      ...{ "x-raw": "1", ...headers },
    });
    stream.end(Buffer.concat(frames));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer); // without an encoding they are bytes
    return Buffer.concat(chunks);
  } finally {
    session.close();
  }
}

function frame(message: Buffer, isCoded: boolean): Buffer {
  const bytes = isCoded ? gzipSync(message) : message;
  const head = Buffer.alloc(5);
  head[0] = isCoded ? 1 : 0;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const LARGE = frame(payloadMessage(271_828), true);
const PLAIN = frame(payloadMessage(45_904), false);

const echoed = (): Metadata => {
  const metadata = new Metadata();
  metadata.set(INITIAL, "test_initial_metadata_value");
  metadata.set(TRAILING, Buffer.from([0xab, 0xab, 0xab]));
  return metadata;
};

/** The public cases by their names; each throws where it fails. Those about credentials of one cloud, and of other protocols, are none of ours. */
const CASES: Readonly<Record<string, () => Promise<void>>> = {
  empty_unary: async () => {
    const { code, messages } = await client.call(`${SERVICE}/EmptyCall`, Buffer.alloc(0)).end;
    expect([code, messages.map(({ length }) => length)]).toEqual([status.OK, [0]]);
  },
  large_unary: async () => {
    const request = askBytes({ sizes: [314_159], payloadBytes: 271_828 }, true);
    const { code, messages } = await client.call(`${SERVICE}/UnaryCall`, request).end;
    expect([code, messages.map((message) => payloadBytes(message))]).toEqual([status.OK, [314_159]]);
  },
  client_compressed_unary: async () => {
    answer = [PLAIN];
    answerCoding = "identity";
    for (const request of [LARGE, PLAIN]) {
      expect(await callRaw([request], { "grpc-encoding": "gzip" })).toEqual(PLAIN);
      expect(seen.at(-1)).toMatchObject({ coding: "gzip", frames: request });
    }
  },
  server_compressed_unary: async () => {
    answerCoding = "gzip";
    for (const response of [LARGE, PLAIN]) {
      answer = [response];
      expect(await callRaw([PLAIN], { "grpc-accept-encoding": "gzip,identity" })).toEqual(response);
      expect(seen.at(-1)).toMatchObject({ accepted: "gzip,identity" });
    }
  },
  client_streaming: async () => {
    const { code, messages } = await client.collect(`${SERVICE}/StreamingInputCall`, STREAM_PAYLOADS.map(payloadMessage));
    expect([code, messages.map(sumOf)]).toEqual([status.OK, [74_922]]);
  },
  client_compressed_streaming: async () => {
    answer = [PLAIN];
    answerCoding = "identity";
    expect(await callRaw([LARGE, PLAIN, LARGE], { "grpc-encoding": "gzip" })).toEqual(PLAIN);
    expect(seen.at(-1)?.frames).toEqual(Buffer.concat([LARGE, PLAIN, LARGE]));
  },
  server_streaming: async () => {
    const { end } = client.many(`${SERVICE}/StreamingOutputCall`, askBytes({ sizes: STREAM_SIZES }, false));
    const { code, messages } = await end;
    expect([code, messages.map((message) => payloadBytes(message))]).toEqual([status.OK, STREAM_SIZES]);
  },
  server_compressed_streaming: async () => {
    answerCoding = "gzip";
    answer = [LARGE, PLAIN, LARGE];
    expect(await callRaw([PLAIN], { "grpc-accept-encoding": "gzip" })).toEqual(Buffer.concat(answer));
  },
  ping_pong: async () => {
    const { call, end } = client.bidi(`${SERVICE}/FullDuplexCall`);
    for (const [at, size] of STREAM_SIZES.entries()) {
      const pong = new Promise<Buffer>((resolve) => call.once("data", resolve));
      call.write(askBytes({ sizes: [size], payloadBytes: STREAM_PAYLOADS[at] ?? 0 }, false));
      expect(payloadBytes(await pong)).toBe(size);
    }
    call.end();
    expect((await end).code).toBe(status.OK);
  },
  empty_stream: async () => {
    const { call, end } = client.bidi(`${SERVICE}/FullDuplexCall`);
    call.end();
    expect(await end).toMatchObject({ code: status.OK, messages: [] });
  },
  custom_metadata: async () => {
    const unary = await client.call(`${SERVICE}/UnaryCall`, askBytes({ sizes: [1] }, true), { metadata: echoed() }).end;
    const { call, end } = client.bidi(`${SERVICE}/FullDuplexCall`, { metadata: echoed() });
    call.write(askBytes({ sizes: [1] }, false));
    call.end();
    for (const { code, initial, trailers } of [unary, await end]) {
      expect([code, initial?.get(INITIAL)]).toEqual([status.OK, ["test_initial_metadata_value"]]);
      expect(trailers.get(TRAILING)).toEqual([Buffer.from([0xab, 0xab, 0xab])]);
    }
  },
  status_code_and_message: async () => {
    const asked = { status: { code: 2, message: "test status message" } };
    const unary = await client.call(`${SERVICE}/UnaryCall`, askBytes(asked, true)).end;
    const { call, end } = client.bidi(`${SERVICE}/FullDuplexCall`);
    call.write(askBytes(asked, false));
    call.end();
    for (const { code, details } of [unary, await end]) expect([code, details]).toEqual([2, "test status message"]);
  },
  special_status_message: async () => {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const { code, details } = await client.call(`${SERVICE}/UnaryCall`, askBytes({ status: { code: 2, message } }, true)).end;
    expect([code, details]).toEqual([2, message]);
  },
  unimplemented_method: async () => {
    expect((await client.call(`${SERVICE}/UnimplementedCall`, Buffer.alloc(0)).end).code).toBe(status.UNIMPLEMENTED);
  },
  unimplemented_service: async () => {
    const { end } = client.call("/grpc.testing.UnimplementedService/UnimplementedCall", Buffer.alloc(0));
    expect((await end).code).toBe(status.UNIMPLEMENTED);
  },
  cancel_after_begin: async () => {
    // before a message is sent: the service may not even have been told of the call
    const { call, end } = client.bidi(`${SERVICE}/FullDuplexCall`);
    call.cancel();
    expect((await end).code).toBe(status.CANCELLED);
  },
  cancel_after_first_response: async () => {
    const { cancelled } = service;
    const { call, end } = client.bidi(`${SERVICE}/FullDuplexCall`);
    const first = new Promise((resolve) => call.once("data", resolve));
    call.write(askBytes({ sizes: [31_415], payloadBytes: 27_182 }, false));
    await first;
    call.cancel();
    expect((await end).code).toBe(status.CANCELLED);
    await vi.waitFor(() => expect(service.cancelled).toBe(cancelled + 1));
  },
  timeout_on_sleeping_server: async () => {
    const { call, end } = client.bidi(`${SERVICE}/FullDuplexCall`, { deadlineMs: 30 });
    call.write(askBytes({ payloadBytes: 27_182 }, false));
    expect((await end).code).toBe(status.DEADLINE_EXCEEDED);
  },
};

describe("gRPC's interop cases through the gateway", () => {
  it.each(Object.entries(CASES))("%s", (_name, run) => run());
});
