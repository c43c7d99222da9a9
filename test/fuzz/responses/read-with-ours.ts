import { ResponseParser } from "../../../src/adapters/upstream/http1/response-parser.ts";
import type { ResponseCase } from "./generate.ts";
import type { Reading } from "./reading.ts";

/** Reads a case with our parser, in pieces that begin at `cuts`. */
export function readWithOurs({ method, bytes, closes }: ResponseCase, cuts: readonly number[] = []): Reading {
  let status: number | undefined;
  let lines: readonly string[] = [];
  let body = "";
  let ended = false;
  let persistent = false;
  let clean = false;
  const parser = new ResponseParser({
    onHead: (head) => {
      status = head.status;
      lines = head.headers.toRaw();
      persistent = head.persistent;
    },
    onBody: (piece) => (body += Buffer.from(piece).toString("latin1")),
    onEnd: (isClean) => {
      ended = true;
      clean = isClean;
    },
  });
  parser.begin(method);
  let fault: string | undefined;
  let at = 0;
  for (const cut of [...cuts, bytes.byteLength]) {
    if (fault !== undefined || ended) {
      clean &&= at >= bytes.byteLength;
      break;
    }
    // a copy, overwritten afterwards: nothing may hold on to what was read
    const piece = Buffer.from(bytes.subarray(at, cut));
    fault = parser.read(piece, piece.byteLength);
    piece.fill(0);
    at = cut;
  }
  if (closes && fault === undefined && !ended) fault = parser.finish();
  return { status, lines, body, ended, reusable: ended && persistent && clean, fault };
}
