import { Agent } from "node:http";
import { connect, type ClientHttp2Session } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { H2CClient } from "undici";
import { EVENTS } from "./every-upstream.ts";
import { EchoClient } from "./grpc-echo.ts";
import { send } from "./http-client.ts";
import { handshake, openWebSocket, OPCODES } from "./websocket-peer.ts";

/** What became of what the clients of one kind began. */
export interface KindReport {
  readonly kind: string;
  readonly begun: number;
  /** WebSockets that were closed with 1001 (going away), which is no failure while a process ends. */
  readonly sentAway: number;
  readonly failures: readonly string[];
}

/** One thing a client does, to its end. Rejects where it fails. */
type Act = () => Promise<"done" | "sent away">;

/** How often each kind of client begins something, milliseconds: requests, and streams of a second. */
const EVERY_MS = { soak: { request: 25, stream: 500 }, test: { request: 100, stream: 500 } } as const;

/** The kind of client that loses what a GOAWAY says was not processed, where all others send it again (RFC 9113 section 8.7). */
export const REPEATS_NOTHING = "HTTP/2, a client that repeats nothing";

/** Clients of every kind at one door (`protocols: [http1, h2c]`) before `startEveryUpstream`; each begins something every so often, whatever became of what it began before. */
export class EveryClient {
  readonly #kinds: readonly Kind[];
  readonly #stack = new DisposableStack();

  constructor(port: number, pace: keyof typeof EVERY_MS = "test") {
    const url = `http://127.0.0.1:${port}`;
    const agent = this.#stack.adopt(new Agent({ keepAlive: true, maxSockets: 4 }), (each) => each.destroy());
    const grpc = this.#stack.use(new EchoClient(port));
    const undici = this.#stack.adopt(new H2CClient(url), (each) => void each.destroy());
    const sessions = this.#sessions(url);
    const acts: Readonly<Record<string, Act>> = {
      "HTTP/1.1, kept connections": () => ok(send(`${url}/kept`, { agent })),
      "HTTP/1.1, new connections": () => ok(send(`${url}/new`, { headers: { connection: "close" } })),
      "HTTP/2, undici": () => ok(askUndici(undici, "/undici")),
      [REPEATS_NOTHING]: () => ok(ask(sessions(), "/plain")),
      "gRPC calls": () => call(grpc),
      "server-sent events over HTTP/1.1": () => ok(send(`${url}/events`), LAST_EVENT),
      "server-sent events over HTTP/2": () => ok(askUndici(undici, "/events"), LAST_EVENT),
      "gRPC streams": () => stream(grpc),
      WebSockets: () => talk(url),
    };
    this.#kinds = Object.entries(acts).map(
      ([kind, act], index) => new Kind(kind, act, EVERY_MS[pace][index < 5 ? "request" : "stream"]),
    );
  }

  /** Begins nothing more and waits for what was begun. */
  async stop(): Promise<readonly KindReport[]> {
    const reports = await Promise.all(this.#kinds.map((kind) => kind.stop()));
    this.#stack.dispose();
    return reports;
  }

  /** A connection for the next request: another one when the server wants no more on the one before. */
  #sessions(url: string): () => ClientHttp2Session {
    let session: ClientHttp2Session | undefined;
    this.#stack.defer(() => session?.destroy());
    return () => {
      if (session !== undefined && !session.closed && !session.destroyed) return session;
      const opened = connect(url);
      opened.on("error", () => {});
      opened.once("goaway", () => {
        if (session === opened) session = undefined;
      });
      session = opened;
      return opened;
    };
  }
}

/** The clients of one kind. */
class Kind {
  readonly #kind: string;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  #begun = 0;
  #sentAway = 0;

  constructor(kind: string, act: Act, everyMs: number) {
    this.#kind = kind;
    this.#timer = setInterval(() => this.#begin(act), everyMs);
  }

  async stop(): Promise<KindReport> {
    clearInterval(this.#timer);
    await Promise.race([Promise.all(this.#open), pause(15_000)]);
    const late = this.#open.size === 0 ? [] : [`${this.#open.size} never ended`];
    return { kind: this.#kind, begun: this.#begun, sentAway: this.#sentAway, failures: [...this.#failures, ...late] };
  }

  #begin(act: Act): void {
    this.#begun += 1;
    const done = act()
      .then((end) => void (this.#sentAway += end === "sent away" ? 1 : 0))
      .catch((error: unknown) => void this.#failures.push(String(error)))
      .finally(() => this.#open.delete(done));
    this.#open.add(done);
  }
}

const OK: number = status.OK;

const LAST_EVENT = `id: ${EVENTS.count}\ndata: x\n\n`;

/** An answer of 200 that ends so. */
async function ok(answer: Promise<{ readonly status: number; readonly text: string }>, end = "ok"): Promise<"done"> {
  const { status: code, text } = await answer;
  if (code !== 200 || !text.endsWith(end)) throw new Error(`${code} ${/"code":"(\w+)"/.exec(text)?.[1] ?? text.slice(-100)}`);
  return "done";
}

async function askUndici(client: H2CClient, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const { statusCode, body } = await client.request({ method: "GET", path });
  return { status: statusCode, text: await body.text() };
}

function ask(session: ClientHttp2Session, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const request = session.request({ ":path": path });
  let [code, text] = [0, ""];
  request.setEncoding("utf8");
  request.on("response", (head) => (code = head[":status"] ?? 0));
  request.on("data", (part: string) => (text += part));
  request.on("error", reject);
  request.on("close", () => resolve({ status: code, text }));
  return promise;
}

async function call(client: EchoClient): Promise<"done"> {
  const { code, details, messages } = await client.call("/t.Echo/Unary", Buffer.from("x")).end;
  if (code !== OK || messages.length !== 1) throw new Error(`${code} ${details}`);
  return "done";
}

async function stream(client: EchoClient): Promise<"done"> {
  const { call: under, end } = client.bidi("/t.Echo/Bidi");
  for (let i = 0; i < EVENTS.count; i += 1) {
    under.write(Buffer.from("x"));
    await pause(EVENTS.everyMs);
  }
  under.end();
  const { code, details, messages } = await end;
  if (code !== OK || messages.length !== EVENTS.count) throw new Error(`${code} ${details}, ${messages.length} messages`);
  return "done";
}

async function talk(url: string): Promise<"done" | "sent away"> {
  using peer = await openWebSocket({ url }, handshake("/ws"));
  if (!peer.head.startsWith("HTTP/1.1 101")) throw new Error(peer.head.slice(0, 30).trim());
  for (let i = 0; i <= EVENTS.count; i += 1) {
    await (i === EVENTS.count ? peer.close(1000) : peer.text(`x${i}`));
    const frame = await peer.next();
    if (frame?.opcode === OPCODES.close && frame.payload.readUInt16BE(0) === 1001) return "sent away";
    const isDue = i === EVENTS.count ? frame?.opcode === OPCODES.close : frame?.payload.toString() === `x${i}`;
    if (!isDue) throw new Error(frame === undefined ? "cut" : `opcode ${frame.opcode}: ${frame.payload.toString("hex")}`);
    if (i < EVENTS.count) await pause(EVENTS.everyMs);
  }
  return "done";
}
