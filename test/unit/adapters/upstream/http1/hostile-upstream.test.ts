import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { http1Endpoints } from "../../../../../src/adapters/upstream/http1/http1-endpoints.ts";
import { isStream } from "../../../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import type { Upstream } from "../../../../../src/ports/upstream.ts";
import { bytesStream } from "../../../../../src/support/byte-streams.ts";
import { Random } from "../../../../fuzz/random.ts";
import { generateCase } from "../../../../fuzz/responses/generate.ts";
import { bytesOf, RecordingSink } from "../../../../support/byte-flow.ts";
import { startRawUpstream } from "../../../../support/raw-upstream.ts";
import { turn } from "../../../../support/turn.ts";
import { opening, requestTo, TIMEOUTS } from "../../../../support/upstream.ts";

const REQUESTS = 2_000;
const AT_ONCE = 16;

/** Answers in pieces, well or badly, and sometimes leaves in the middle. */
async function answerBadly(socket: Socket, random: Random): Promise<void> {
  const { bytes, closes } = generateCase(random);
  for (let at = 0; at < bytes.byteLength;) {
    const until = random.once(3) ? at + 1 + random.below(40) : bytes.byteLength;
    if (random.once(40)) return void socket.resetAndDestroy();
    if (!socket.destroyed) socket.write(bytes.subarray(at, until));
    at = until;
    if (at < bytes.byteLength) await turn();
  }
  if (closes || random.once(10)) socket.end();
}

/** One exchange to its end, whatever that is. */
async function exchange(upstream: Upstream, random: Random): Promise<"ended" | "failed" | "cancelled" | "abandoned"> {
  const cancel = new CancelSource();
  const method = random.pick(["GET", "HEAD", "POST", "PUT"]);
  const body = random.once(2)
    ? undefined
    : { ...bytesStream([bytesOf("x".repeat(random.below(300)))]), declaredBytes: undefined };
  const pending = upstream.send(requestTo(method, "/", body), cancel);
  if (random.once(20)) void turn().then(() => cancel.abort());
  const answer = await pending;
  // as many as are allowed are under way at most: no room is ever lost
  if (!answer.ok) expect(answer.error.problem).not.toBe("upstream_overloaded");
  if (!answer.ok) return cancel.aborted ? "cancelled" : "failed";
  if (!isStream(answer.value.body)) return "ended";
  if (random.once(20)) {
    answer.value.body.discard();
    return "abandoned";
  }
  const sink = new RecordingSink();
  answer.value.body.pipe(sink);
  const over = await sink.over;
  expect(sink.endings).toBe(1);
  return over.kind;
}

it(
  "our HTTP/1.1 client brings every exchange with a hostile upstream to one end, and keeps nothing",
  { timeout: 60_000 },
  async () => {
    const random = new Random(11);
    await using raw = await startRawUpstream((socket) => void answerBadly(socket, random));
    const timeouts = { ...TIMEOUTS, firstByteMs: 100, idleMs: 100 };
    const upstream = opening(http1Endpoints)([raw.url], { timeouts, maxRequests: AT_ONCE });
    const ends: string[] = [];
    let left = REQUESTS;
    const one = async (): Promise<void> => {
      for (; left > 0; ends.push(await exchange(upstream, random))) left -= 1;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    expect(ends).toHaveLength(REQUESTS);
    for (const kind of ["ended", "failed", "cancelled", "abandoned"]) expect(ends).toContain(kind);
    await upstream[Symbol.asyncDispose]();
    while (raw.connections.some((socket) => !socket.closed)) await turn();
  },
);
