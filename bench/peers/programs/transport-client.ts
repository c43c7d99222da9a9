import { createServer } from "node:http";
import { Client, credentials } from "@grpc/grpc-js";
import { ClientChannel } from "@sallyport/lean-grpc/client-channel.ts";
import { systemClock } from "../../../src/adapters/system/clock.ts";
import { figuresOf } from "./figures-of.ts";
import { sayPort } from "./say-port.ts";
import { CALLS_AT_ONCE, REVIEW_METHOD, reviewBytes, transportKind, type TransportKind } from "./transport-message.ts";

// Asks for reviews as fast as they are answered, for as long as `GET /<seconds>` says; answers with the figures.
const [kind, port = ""] = process.argv.slice(2);
const DEADLINE_MS = 5_000;
const message = reviewBytes();

/** One call; `done` is told whether a verdict came. */
type Ask = (done: (isAnswered: boolean) => void) => void;

const ASK: Readonly<Record<TransportKind, () => Ask>> = {
  "grpc-js": () => {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const same = (bytes: Buffer): Buffer => bytes;
    return (done) => {
      const deadline = Date.now() + DEADLINE_MS;
      client.makeUnaryRequest(REVIEW_METHOD, same, same, message, { deadline }, (error) => done(error === null));
    };
  },
  lean: () => {
    const address = { kind: "tcp" as const, host: "127.0.0.1", port: Number(port) };
    const channel = new ClientChannel(
      { address, tls: undefined, guard: undefined, authority: "review.bench", userAgent: "bench", maxMessageBytes: 1024 * 1024 },
      systemClock(),
      { onReady() {}, onLost() {}, onRefused() {} },
    );
    const call = { method: REVIEW_METHOD, message, metadata: [] };
    return (done) => void channel.unary(call, DEADLINE_MS, (outcome) => done(outcome.kind === "reply"));
  },
};

const ask = ASK[transportKind(kind)]();

function burst(seconds: number): Promise<string> {
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1_000;
  const latenciesMs: number[] = [];
  let errors = 0;
  let open = CALLS_AT_ONCE;
  return new Promise((resolve) => {
    const one = (): void => {
      const sentMs = performance.now();
      ask((isAnswered) => {
        const nowMs = performance.now();
        latenciesMs.push(nowMs - sentMs);
        if (!isAnswered) errors += 1;
        if (nowMs < endMs) return one();
        open -= 1;
        if (open === 0) resolve(JSON.stringify({ ...figuresOf(latenciesMs, (nowMs - startedMs) / 1_000), errors }));
      });
    };
    for (let call = 0; call < CALLS_AT_ONCE; call += 1) one();
  });
}

const server = createServer((request, response) => {
  void burst(Number(request.url?.slice(1))).then((figures) => response.end(figures));
});
server.listen(0, "127.0.0.1", () => sayPort(server.address()));
