import { connect } from "node:net";
import { Client, credentials } from "@grpc/grpc-js";
import { ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeVerdict } from "@sallyport/contract/verdict.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { allow, binding, defineInterceptor, type LogEntry, serve } from "@sallyport/interceptors-sdk";
import { PREFACE } from "@sallyport/lean-grpc/frame.ts";
import { expect, it, onTestFinished } from "vitest";
import { FIELDS, mutated, requests } from "../../fuzz/lean-grpc/streams.ts";
import { Random } from "../../fuzz/random.ts";

const CONNECTIONS = 400;
const AT_ONCE = 20;

let wait = Promise.resolve();
const sample = defineInterceptor({
  name: "sample",
  bindings: {
    now: binding({ phase: "pre-auth", mode: "validate", needs: ["/request/headers"], review: () => allow().annotate("a", "b") }),
    later: binding({
      phase: "pre-auth",
      mode: "validate",
      needs: ["/request/headers"],
      review: async (_view, { signal }) => {
        await wait;
        signal.throwIfAborted();
        return allow();
      },
    }),
  },
});

const request = (bindingId: string): Buffer =>
  Buffer.from(
    ReviewRequest.encode(
      ReviewRequest.fromPartial({
        reviewId: "r1",
        bindingId,
        phase: 1,
        mode: 2,
        attempt: 1,
        view: { request: { headers: [{ name: "x", value: "y".repeat(100) }] } },
      }),
    ).finish(),
  );

const FIELDS_OF_REVIEW = FIELDS.map(([name, value]) => [name, name === ":path" ? METHODS.review : value] as const);

/** Sends mutated calls of Review, reads what comes back, and leaves. */
function hostile(port: number, random: Random): Promise<void> {
  const messages = [request("now"), request("later"), Buffer.from("no message")] as const;
  const bytes = mutated(
    Buffer.concat([PREFACE, requests(random, () => random.pick<Buffer>([...messages]), FIELDS_OF_REVIEW)]),
    random,
  );
  const half = random.below(bytes.length);
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {}).on("close", () => resolve());
    socket.write(bytes.subarray(0, half));
    socket.once("data", () => {
      if (socket.writable) socket.write(bytes.subarray(half), () => setImmediate(() => socket.destroy()));
      else socket.destroy();
    });
  });
}

it(
  "a served interceptor takes mutated frames on real sockets, and goes on answering an honest gateway",
  { timeout: 60_000 },
  async () => {
    const logged: LogEntry[] = [];
    const running = await serve(sample, {
      listen: "grpc://127.0.0.1:0",
      allowInsecure: true,
      signals: false,
      log: (entry) => logged.push(entry),
    });
    onTestFinished(() => running.close());
    const client = new Client(`127.0.0.1:${running.port}`, credentials.createInsecure());
    onTestFinished(() => client.close());
    const asIs = (bytes: Buffer): Buffer => bytes;
    const honest = (): Promise<unknown> =>
      new Promise((resolve) =>
        client.makeUnaryRequest(METHODS.review, asIs, asIs, request("now"), (error, answer) =>
          resolve(error ?? decodeVerdict(answer ?? Buffer.alloc(0), { reviewId: "r1", maxPatches: 0 })),
        ),
      );
    let open = (): void => {};
    wait = new Promise((resolve) => (open = resolve));
    for (let done = 0; done < CONNECTIONS; done += AT_ONCE) {
      const attacks = Array.from({ length: AT_ONCE }, (_, index) => hostile(running.port, new Random(done + index)));
      expect(await honest()).toMatchObject({ ok: true, value: { kind: "allow" } });
      await Promise.all(attacks);
    }
    open();
    await expect.poll(() => running.counters().inFlight).toBe(0);
    // neither everything refused before a review nor everything harmless
    expect(running.counters()).toMatchObject({ allowed: expect.toSatisfy((count: number) => count > CONNECTIONS) });
    expect(running.counters().refused).toBeGreaterThan(100);
    expect(logged.filter(({ level, message }) => level === "error" && message !== "review failed")).toEqual([]);
    expect(running.counters().failed).toBe(0);
  },
);
