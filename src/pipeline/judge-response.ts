import { isStream, type Body, type ByteStream } from "../model/byte-stream.ts";
import type { Response } from "../model/exchange.ts";
import type { ResponseFallback } from "../model/upstream-plan.ts";
import type { Clock } from "../ports/clock.ts";
import { bytesStream, collect } from "../support/byte-streams.ts";
import { contentCoding, decodeBody } from "../support/content-coding.ts";
import { isEventStream } from "./show-bodies.ts";

/** Bytes of a response that are read to know what it says, coded or not; a larger one says nothing. */
const MAX_READ_BYTES = 64 * 1024;

/** How long reading may take in all, milliseconds; beyond, what came says nothing. */
const MAX_READ_MS = 5_000;

/** Decoded over coded size. */
const MAX_RATIO = 100;

/** Whether a response is of a kind, and the response: of what was read its body is made again. */
export interface Judged {
  readonly isMatch: boolean;
  readonly response: Response;
}

/** Looks at the status, and where that is one of those asked for at the body, in bounds. Streams of events are never touched. */
export async function judgeResponse(
  response: Response,
  { statuses, bodyContains }: Pick<ResponseFallback, "statuses" | "bodyContains">,
  clock: Clock,
): Promise<Judged> {
  if (response.tunnel !== undefined || !statuses.includes(response.status)) return { isMatch: false, response };
  if (bodyContains === undefined) return { isMatch: true, response };
  const coding = contentCoding(response.headers.joined("content-encoding"));
  if (coding === "unsupported" || isEventStream(response)) return { isMatch: false, response };
  const body = isStream(response.body) ? await read(response.body, clock) : response.body;
  const again = { ...response, body };
  if (body === undefined || isStream(body)) return { isMatch: false, response: again };
  const plain = coding === "identity" ? body : await decoded(body, coding);
  return { isMatch: plain !== undefined && new TextDecoder().decode(plain).includes(bodyContains), response: again };
}

/** The bytes where they are few and come soon; else the same stream. */
async function read(body: ByteStream, clock: Clock): Promise<Body> {
  const collected = await collect(body, {
    maxBytes: MAX_READ_BYTES,
    within: (expired) => clock.after(MAX_READ_MS, expired),
  });
  switch (collected.kind) {
    case "complete":
      return collected.bytes;
    case "too-large":
    case "no-room":
      return collected.rest;
    case "broken":
      return brokenStream(collected.cause);
    default:
      return collected satisfies never;
  }
}

/** A body that broke off before anybody who wanted it had read of it. */
const brokenStream = (cause: unknown): ByteStream => ({
  ...bytesStream([]),
  declaredBytes: undefined,
  pipe(sink) {
    sink.fail(cause);
    return { resume: () => {}, cancel: () => {} };
  },
});

async function decoded(bytes: Uint8Array, coding: Parameters<typeof decodeBody>[1]): Promise<Uint8Array | undefined> {
  const plain = await decodeBody(bytes, coding, { maxBytes: MAX_READ_BYTES, maxRatio: MAX_RATIO });
  return plain.ok ? plain.value : undefined;
}
