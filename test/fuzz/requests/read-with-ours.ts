import { HeadBlocks } from "../../../src/adapters/inbound/http1/head-blocks.ts";
import { RequestParser } from "../../../src/adapters/inbound/http1/request-parser.ts";
import type { ListenerLimits } from "../../../src/adapters/inbound/listener-settings.ts";
import type { GrowingRequest, Reading } from "./reading.ts";

/** What is too large is no matter of meaning: as little as possible is refused for it. */
const LIMITS: ListenerLimits = {
  maxHeaderBytes: 256 * 1024,
  maxHeaders: 1_000,
  maxUriBytes: 64 * 1024,
  headerTimeoutMs: 10_000,
  bodyIdleMs: 30_000,
  idleMs: 60_000,
  maxConnections: 1,
};

/** Rooms as a listener has them: used again from case to case. */
const blocks = new HeadBlocks(LIMITS);

/** Reads a connection's bytes with our parser, in pieces that begin at `cuts`. */
export function readWithOurs(bytes: Buffer, cuts: readonly number[] = []): Reading {
  const requests: GrowingRequest[] = [];
  let arriving: GrowingRequest | undefined;
  let goesOn = true;
  const parser = new RequestParser(
    {
      onHead({ method, requestTarget, minor, raw, persistent }, checked) {
        // answered and closed: nothing was taken
        if (checked.kind === "refused") return void (goesOn = false);
        goesOn = persistent && !checked.closes;
        arriving = { method, requestTarget, minor, lines: raw, body: "", ended: false };
        requests.push(arriving);
      },
      onBody(piece) {
        if (arriving !== undefined) arriving.body += Buffer.from(piece).toString("latin1");
      },
      onEnd() {
        if (arriving !== undefined) arriving.ended = true;
        arriving = undefined;
      },
    },
    blocks,
    LIMITS,
  );
  let fault: string | undefined;
  let at = 0;
  for (const cut of [...cuts, bytes.byteLength]) {
    if (fault !== undefined) break;
    // a copy, overwritten afterwards: nothing may hold on to what was read
    const piece = Buffer.from(bytes.subarray(at, cut));
    fault = parser.read(piece);
    piece.fill(0);
    at = cut;
  }
  const midway = parser.isWithinRequest;
  parser.release();
  return { requests, goesOn: goesOn && fault === undefined && !midway, fault: fault && `${fault} ${parser.fault}` };
}
