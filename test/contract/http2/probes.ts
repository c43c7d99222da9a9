import { FLAG, FRAME, goawayFrame, H2_ERROR, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import type { Upstream } from "../../../src/ports/upstream.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { headersFrames, startRawHttp2, type RawHttp2 } from "../../support/raw-http2.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, type UpstreamTo } from "../../support/upstream.ts";

/** What servers of gRPC bear by default: one ping in five minutes. */
const PATIENCE_MS = 310_000;

const FIRST_BYTE_MS = 30_000;

/** Answers pings, and requests to `/fast`. */
const startUpstream = (onPing: (payload: Buffer) => readonly Buffer[] = () => []): Promise<RawHttp2> =>
  startRawHttp2({
    onFrame: ({ type, flags, payload }, { send }) => {
      if (type === FRAME.PING && flags === 0) send(smallFrame(FRAME.PING, FLAG.ACK, 0, payload), ...onPing(payload));
    },
    onRequest: ({ fields, streamId, connection }) => {
      const isFast = fields.some(([name, value]) => name === ":path" && value === "/fast");
      if (isFast) connection.send(headersFrames(streamId, [[":status", "204"]], FLAG.END_STREAM));
    },
  });

const pingsOf = (raw: RawHttp2): number =>
  raw.connections.flatMap((connection) => connection.of(FRAME.PING)).filter(({ flags }) => flags === 0).length;

/** Sends a request that is never answered, and lets its time pass. */
async function runLate(raw: RawHttp2, upstream: Upstream, clock: FakeClock): Promise<void> {
  const before = raw.requests.length;
  const late = upstream.send(requestTo("GET", "/slow"), new CancelSource());
  while (raw.requests.length === before) await turn();
  clock.advance(FIRST_BYTE_MS);
  expect(await late).toMatchObject({ error: { problem: "upstream_timeout" } });
  await settled();
}

/** What was written has arrived, and its answer. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await turn();
}

/** Servers of gRPC hang up on whoever pings often, and every stream of the connection ends with it (D71). */
export function probesSparingly(upstreamTo: UpstreamTo): void {
  describe("an HTTP/2 upstream in which calls run out of time", () => {
    it("is asked for no sign of life when the time was the request's own: a client could choose it", async () => {
      const clock = new FakeClock();
      await using raw = await startUpstream();
      await using upstream = upstreamTo([raw.url], { clock });
      const late = upstream.send({ ...requestTo("GET", "/slow"), deadlineMs: 1_000 }, new CancelSource());
      while (raw.requests.length === 0) await turn();
      clock.advance(1_000);
      expect(await late).toMatchObject({ error: { problem: "upstream_timeout" } });
      await settled();
      expect(pingsOf(raw)).toBe(0);
    });

    it("is asked for none when it said something since", async () => {
      const clock = new FakeClock();
      await using raw = await startUpstream();
      await using upstream = upstreamTo([raw.url], { clock });
      const late = upstream.send(requestTo("GET", "/slow"), new CancelSource());
      while (raw.requests.length === 0) await turn();
      clock.advance(1);
      expect(await upstream.send(requestTo("GET", "/fast"), new CancelSource())).toMatchObject({ ok: true });
      clock.advance(FIRST_BYTE_MS);
      expect(await late).toMatchObject({ error: { problem: "upstream_timeout" } });
      await settled();
      expect(pingsOf(raw)).toBe(0);
    });

    it("is asked once in five minutes, however many are late", async () => {
      const clock = new FakeClock();
      await using raw = await startUpstream();
      await using upstream = upstreamTo([raw.url], { clock, breaker: NO_BREAKER });
      const firstMs = clock.nowMs() + FIRST_BYTE_MS;
      while (clock.nowMs() + FIRST_BYTE_MS < firstMs + PATIENCE_MS) {
        await runLate(raw, upstream, clock);
        expect(pingsOf(raw)).toBe(1);
      }
      await upstream.send(requestTo("GET", "/fast"), new CancelSource());
      await runLate(raw, upstream, clock);
      expect([pingsOf(raw), raw.connections.length]).toEqual([2, 1]);
    });

    it("is asked less often on its next connections too, once that was too often", async () => {
      const clock = new FakeClock();
      await using raw = await startUpstream(() => [goawayFrame(0x7fff_ffff, H2_ERROR.ENHANCE_YOUR_CALM)]);
      await using upstream = upstreamTo([raw.url], { clock, breaker: NO_BREAKER });
      await runLate(raw, upstream, clock);
      expect(pingsOf(raw)).toBe(1);
      for (let i = 0; i < 12; i += 1) await runLate(raw, upstream, clock);
      expect([pingsOf(raw), raw.connections.length]).toEqual([1, 2]);
    });
  });
}

const NO_BREAKER = { failures: 1_000, windowMs: 10_000, openMs: 30_000, longestOpenMs: 300_000, maxPercent: 50 };
