import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DescMessage, DescMethodStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import type { ConnectError, Transport } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { say, startTalk, TALK_DESCRIPTORS, talkMethod, type Say, type TalkService } from "./talk-service.ts";

const isInstalled = existsSync(fileURLToPath(new URL("node_modules/@connectrpc/connect-node/package.json", import.meta.url)));

/** One way Connect's clients speak, and what its wire allows. */
interface Way {
  readonly name: string;
  readonly open: (baseUrl: string) => Promise<Transport>;
  /** Of every call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Streams of requests. */
  readonly sends?: boolean;
  /** Both directions at once. */
  readonly isDuplex?: boolean;
}

const node = () => import("@connectrpc/connect-node");
const web = () => import("@connectrpc/connect-web");

const WAYS: readonly Way[] = [
  {
    ...{ name: "Connect over HTTP/1.1", sends: true },
    open: async (baseUrl) => (await node()).createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  },
  {
    ...{ name: "Connect over HTTP/2", sends: true, isDuplex: true },
    open: async (baseUrl) => (await node()).createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
  },
  {
    ...{ name: "Connect over HTTP/2, compressed", sends: true, isDuplex: true },
    open: async (baseUrl) => {
      const { createConnectTransport, compressionGzip: gzip } = await node();
      const coding = { sendCompression: gzip, acceptCompression: [gzip], compressMinBytes: 0 };
      return createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true, ...coding });
    },
  },
  {
    ...{ name: "gRPC", sends: true, isDuplex: true },
    open: async (baseUrl) => (await node()).createGrpcTransport({ baseUrl }),
  },
  {
    ...{ name: "gRPC-Web over HTTP/1.1", sends: true },
    open: async (baseUrl) => (await node()).createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  },
  {
    name: "Connect of a browser",
    open: async (baseUrl) => (await web()).createConnectTransport({ baseUrl, useBinaryFormat: true }),
  },
  {
    ...{ name: "Connect of a browser in JSON, by the schema", headers: { "x-way": "json" } },
    open: async (baseUrl) => (await web()).createConnectTransport({ baseUrl }),
  },
  {
    ...{ name: "Connect over HTTP/2 in JSON, by the schema", headers: { "x-way": "json" }, sends: true, isDuplex: true },
    open: async (baseUrl) => (await node()).createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
  },
  { name: "gRPC-Web of a browser", open: async (baseUrl) => (await web()).createGrpcWebTransport({ baseUrl }) },
];

const config = (port: number): string => `${H2C_PREAMBLE}authenticators:
  keys: { type: static-token, token_file: token, principal: { id: kim } }
upstreams:
  talk: { protocol: grpc, endpoints: ["http://127.0.0.1:${port}"], descriptor_set_file: talk.binpb }
  nowhere: { protocol: grpc, endpoints: ["http://127.0.0.1:1"] }
routes:
  - { name: talk, match: { path: /talk.v1.Talk/* }, authenticate: [anonymous], upstream: talk }
  - { name: json, match: { path: /talk.v1.Talk/*, headers: { x-way: json } }, authenticate: [anonymous], upstream: talk, transcode: { services: [talk.v1.Talk] } }
  - { name: keyed, match: { path: /talk.v1.Talk/*, headers: { x-way: keyed } }, authenticate: [keys], upstream: talk }
  - { name: down, match: { path: /talk.v1.Talk/*, headers: { x-way: down } }, authenticate: [anonymous], upstream: nowhere }
`;

let talk: TalkService;
let gateway: TestGateway;

beforeAll(async () => {
  talk = await startTalk();
  gateway = await startGateway({
    config: config(talk.port),
    files: { token: "a-token-0123456789abcdef" },
    place: async (path, text) => {
      await writeFile(join(dirname(path), "talk.binpb"), TALK_DESCRIPTORS);
      await writeFile(path, text);
    },
  });
});

afterAll(async () => {
  for (const part of [gateway, talk]) await part?.[Symbol.asyncDispose]();
});

/** A client, and the headers of all its calls. */
interface Opened {
  readonly transport: Transport;
  readonly own: Readonly<Record<string, string>>;
}

/** What a call may be given. */
interface Choice {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

async function unary(
  { transport, own }: Opened,
  message: Say,
  { headers, timeoutMs, signal }: Choice = {},
  name: "Say" | "Look" = "Say",
) {
  const method = talkMethod(name) as DescMethodUnary; // the schema says so
  const answer = await transport.unary<DescMessage, DescMessage>(method, signal, timeoutMs, { ...own, ...headers }, message);
  return { ...answer, message: answer.message as Say }; // the schema says so
}

async function* all(messages: readonly Say[]) {
  yield* messages;
}

/** A call of any kind with these messages, and what came of it. */
async function streamed(
  { transport, own }: Opened,
  name: string,
  messages: AsyncIterable<Say>,
  { headers, timeoutMs, signal }: Choice = {},
) {
  const method = talkMethod(name) as DescMethodStreaming; // the schema says so
  const answer = await transport.stream<DescMessage, DescMessage>(method, signal, timeoutMs, { ...own, ...headers }, messages);
  return { ...answer, message: answer.message as AsyncIterable<Say> }; // the schema says so
}

async function textsOf(answer: { readonly message: AsyncIterable<Say> }, into: string[] = []): Promise<readonly string[]> {
  for await (const { text, count } of answer.message) into.push(`${text}${count}`);
  return into;
}

/** The error a call ends with. */
async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  // before anything else is waited for: it may fail meanwhile
  const thrown: unknown = await call.then(
    () => new Error("the call went well"),
    (reason: unknown) => reason,
  );
  const { ConnectError: Thrown } = await import("@connectrpc/connect");
  if (thrown instanceof Thrown) return thrown;
  throw thrown;
}

const Code = { canceled: 1, deadlineExceeded: 4, failedPrecondition: 9, unimplemented: 12, unavailable: 14, unauthenticated: 16 };

const title = isInstalled ? "" : " (SKIPPED: `npm ci --ignore-scripts` in test/compat installs it)";

describe.skipIf(!isInstalled).each(WAYS)(
  `a client of Connect by $name${title}`,
  ({ open, headers: own = {}, sends, isDuplex }) => {
    let client: Opened;

    beforeAll(async () => {
      client = { own, transport: await open(gateway.url) };
    });

    it("makes a unary call, with metadata both ways", async () => {
      const headers = { "x-initial": "first", "x-trailing-bin": "q6sA" };
      const { message, header, trailer } = await unary(client, say("hello", 7), { headers });
      expect([message.text, message.count]).toEqual(["hello", 7]);
      expect(header.get("x-initial")).toBe("first");
      expect(trailer.get("x-trailing-bin")?.replace(/=+$/, "")).toBe("q6sA");
    });

    it("makes a unary call with a message of a megabyte", async () => {
      const text = "x".repeat(1_000_000);
      expect((await unary(client, say(text))).message.text).toBe(text);
    });

    it("reads a stream of messages, and what came behind it", async () => {
      const headers = { "x-initial": "first", "x-trailing-bin": "q6sA" };
      const answer = await streamed(client, "Watch", all([say("n", 200)]), { headers });
      expect(await textsOf(answer)).toEqual(Array.from({ length: 200 }, (_, i) => `n${i + 1}`));
      expect(answer.header.get("x-initial")).toBe("first");
      expect(answer.trailer.get("x-trailing-bin")?.replace(/=+$/, "")).toBe("q6sA");
    });

    it.skipIf(sends !== true)("sends a stream of messages", async () => {
      expect(await textsOf(await streamed(client, "Gather", all([say("a"), say("b"), say("c")])))).toEqual(["a+b+c3"]);
    });

    it.skipIf(isDuplex !== true)("talks both ways at once: each is answered before the next is sent", async () => {
      const heard: string[] = [];
      const waiting: (() => void)[] = [];
      async function* turns() {
        for (const text of ["a", "b", "c"]) {
          yield say(text);
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
      }
      for await (const { text } of (await streamed(client, "Chat", turns())).message) {
        heard.push(text);
        waiting.shift()?.();
      }
      expect(heard).toEqual(["a", "b", "c"]);
    });

    it("is told an error with its code, message, details and metadata", async () => {
      const error = await errorOf(unary(client, say("fail"), { headers: { "x-trailing-bin": "q6sA" } }));
      expect([error.code, error.rawMessage]).toEqual([Code.failedPrecondition, "no ☺"]);
      expect(error.findDetails(talkMethod("Say").input)).toMatchObject([{ text: "why" }]);
      expect(error.metadata.get("x-trailing-bin")?.replace(/=+$/, "")).toBe("q6sA");
    });

    it("is told an error in the middle of a stream", async () => {
      const heard: string[] = [];
      const error = await errorOf(streamed(client, "Watch", all([say("fail", 2)])).then((answer) => textsOf(answer, heard)));
      expect([heard, error.code, error.rawMessage]).toEqual([["fail1", "fail2"], Code.failedPrecondition, "no ☺"]);
      expect(error.findDetails(talkMethod("Say").input)).toMatchObject([{ text: "why" }]);
    });

    it("has its deadline passed on, and kept", async () => {
      expect((await errorOf(unary(client, say("hold"), { timeoutMs: 300 }))).code).toBe(Code.deadlineExceeded);
      expect(talk.deadlines.at(-1)).toBeGreaterThan(0);
      expect(talk.deadlines.at(-1)).toBeLessThanOrEqual(300);
      const stream = streamed(client, "Watch", all([say("hold", 1)]), { timeoutMs: 300 });
      expect((await errorOf(stream.then((answer) => textsOf(answer)))).code).toBe(Code.deadlineExceeded);
    });

    it("has its giving up passed on", async () => {
      const { cancelled } = talk;
      const controller = new AbortController();
      const answer = await streamed(client, "Watch", all([say("hold", 1)]), { signal: controller.signal });
      const error = errorOf(
        (async () => {
          for await (const message of answer.message) if (message.count === 1) controller.abort();
        })(),
      );
      expect((await error).code).toBe(Code.canceled);
      await vi.waitFor(() => expect(talk.cancelled).toBe(cancelled + 1));
    });

    it.each([
      ["a refused credential", { "x-way": "keyed" }, "unauthenticated", /credential|token/i],
      ["an upstream that is not there", { "x-way": "down" }, "unavailable", /^The upstream cannot be reached\.$/],
    ] as const)("reads the gateway's own refusal: %s", async (_name, headers, code, message) => {
      const refused = await errorOf(unary(client, say("x"), { headers }));
      expect([refused.code, message.test(refused.rawMessage)]).toEqual([Code[code], true]);
      expect(refused.metadata.get("x-request-id")).toMatch(/./);
      const stream = streamed(client, "Watch", all([say("x", 1)]), { headers }).then((answer) => textsOf(answer));
      const ended = await errorOf(stream);
      expect([ended.code, message.test(ended.rawMessage)]).toEqual([Code[code], true]);
    });
  },
);

describe.skipIf(!isInstalled)(`a GET of Connect${title}`, () => {
  it("is no call: whoever reviews bodies, or POST, would not see its message", async () => {
    const asked = async (path: string, way: string) =>
      fetch(`${gateway.url}${path}?connect=v1&encoding=json&message=%7B%7D`, { headers: { "x-way": way } });
    expect((await asked("/talk.v1.Talk/Look", "json")).status).toBe(404);
    expect((await asked("/talk.v1.Talk/Look", "none")).status).toBe(415);
  });
});
