import { gzipSync } from "node:zlib";
import type { ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { allowing, type Reply } from "../../support/test-interceptor.ts";
import { answerOfBytes, patching, rawVerdict } from "./scripted.ts";

/** Longest verdict that is not `too_large`, bytes. */
export const MAX_RESPONSE_BYTES = 64 * 1024;

/** One way to give no usable verdict: what the service does, and what the gateway must call it (C15). */
export interface Failing {
  readonly does: string;
  readonly reply: (request: ReviewRequest) => Reply;
  readonly failure: "unavailable" | "timeout" | "invalid" | "overloaded";
  readonly reason?: string;
  /** Asked through the binding with the short timeout. */
  readonly short?: true;
}

const status =
  (code: number): Failing["reply"] =>
  () => ({ kind: "status", code, details: "canary: said by the interceptor" });
const label = (value: number): Parameters<typeof patching>[1][number] => ({ op: "add", path: `/labels/l${value}`, value: "x" });

/** Each kind of failure, and each reason of `invalid`, once. */
export const FAILURES: readonly Failing[] = [
  { does: "answers UNAVAILABLE", reply: status(14), failure: "unavailable" },
  { does: "never answers", reply: () => ({ kind: "hang" }), failure: "timeout", short: true },
  { does: "answers RESOURCE_EXHAUSTED", reply: status(8), failure: "overloaded" },
  {
    does: "answers bytes that are no verdict",
    reply: () => ({ kind: "message", bytes: Buffer.from("ffffffff", "hex") }),
    failure: "invalid",
    reason: "undecodable",
  },
  {
    does: "answers a byte more than it may",
    reply: ({ reviewId }) => ({ kind: "message", bytes: answerOfBytes(reviewId, MAX_RESPONSE_BYTES + 1) }),
    failure: "invalid",
    reason: "too_large",
  },
  {
    does: "answers 33 patches",
    reply: ({ reviewId }) =>
      patching(
        reviewId,
        Array.from({ length: 33 }, (_, index) => label(index)),
      ),
    failure: "invalid",
    reason: "too_many_patches",
  },
  {
    does: "answers a patch whose value is no JSON",
    reply: ({ reviewId }) => brokenPatch(reviewId),
    failure: "invalid",
    reason: "patch_rejected",
  },
  { does: "answers another review", reply: () => allowing("of-somebody-else"), failure: "invalid", reason: "contract" },
];

/** More ways to each kind; the consequences are the same, so one phase and mode stand for all. */
export const MORE_CAUSES: readonly Failing[] = [
  { does: "answers CANCELLED of its own", reply: status(1), failure: "unavailable" },
  { does: "refuses the call with PERMISSION_DENIED, which is no denial", reply: status(7), failure: "unavailable" },
  { does: "refuses the call with UNAUTHENTICATED, which is no denial", reply: status(16), failure: "unavailable" },
  { does: "answers FAILED_PRECONDITION", reply: status(9), failure: "unavailable" },
  { does: "cuts the connection", reply: () => ({ kind: "cut" }), failure: "unavailable" },
  { does: "answers DEADLINE_EXCEEDED", reply: status(4), failure: "timeout" },
  { does: "drips its answer too slowly", reply: ({ reviewId }) => drip(reviewId), failure: "timeout", short: true },
  ...[2, 3, 5, 6, 10, 11, 12, 13, 15, 99].map((code): Failing => ({
    does: `answers status ${code}`,
    reply: status(code),
    failure: "invalid",
    reason: "contract",
  })),
  { does: "answers OK without a message", reply: () => ({ kind: "messages", list: [] }), failure: "invalid", reason: "contract" },
  {
    does: "answers twice",
    reply: ({ reviewId }) => ({ kind: "messages", list: [bytesOf(allowing(reviewId)), bytesOf(allowing(reviewId))] }),
    failure: "invalid",
    reason: "contract",
  },
  {
    does: "answers neither allow nor deny",
    reply: ({ reviewId }) => rawVerdict({ reviewId }),
    failure: "invalid",
    reason: "contract",
  },
  {
    does: "answers allow and respond",
    reply: ({ reviewId }) => rawVerdict({ reviewId, allow: {}, respond: { httpStatus: 200 } }),
    failure: "invalid",
    reason: "contract",
  },
  {
    does: "responds without the power",
    reply: ({ reviewId }) => rawVerdict({ reviewId, respond: { httpStatus: 200 } }),
    failure: "invalid",
    reason: "contract",
  },
  {
    does: "answers far more than it may",
    reply: () => ({ kind: "message", bytes: Buffer.alloc(2 * MAX_RESPONSE_BYTES) }),
    failure: "invalid",
    reason: "too_large",
  },
  {
    does: "answers a compressed message that grows beyond what it may",
    reply: () => compressed(gzipSync(Buffer.alloc(4 * MAX_RESPONSE_BYTES))),
    failure: "invalid",
    // no coding was offered
    reason: "contract",
  },
  {
    does: "answers a compressed message that is none",
    reply: () => compressed(Buffer.from("not gzip")),
    failure: "invalid",
    reason: "contract",
  },
  {
    does: "announces a message of four gigabytes",
    reply: () => ({ kind: "raw", bytes: Buffer.from([0, 255, 255, 255, 255, 1]) }),
    failure: "invalid",
    reason: "too_large",
  },
  {
    does: "answers half a frame",
    reply: () => ({ kind: "raw", bytes: Buffer.from([0, 0, 0]) }),
    failure: "invalid",
    reason: "contract",
  },
  {
    does: "ends without a status",
    reply: ({ reviewId }) => ({ kind: "half", bytes: bytesOf(allowing(reviewId)) }),
    failure: "invalid",
    reason: "contract",
  },
  {
    does: "resets the stream with INTERNAL_ERROR",
    reply: () => ({ kind: "reset", code: 2 }),
    failure: "invalid",
    reason: "contract",
  },
  { does: "answers with an HTTP error", reply: () => ({ kind: "http", status: 503 }), failure: "unavailable" },
];

const bytesOf = (reply: Reply): Uint8Array => (reply.kind === "message" ? reply.bytes : new Uint8Array());

const brokenPatch = (reviewId: string): Reply =>
  rawVerdict({ reviewId, allow: {}, patches: [{ op: 1, path: "/request/headers/x-a", valueJson: "{" }] });

/** A gRPC frame that says it is compressed. */
function compressed(bytes: Buffer): Reply {
  const frame = Buffer.alloc(5);
  frame.writeUInt8(1, 0);
  frame.writeUInt32BE(bytes.byteLength, 1);
  return { kind: "raw", bytes: Buffer.concat([frame, bytes]), headers: { "grpc-encoding": "gzip" } };
}

const drip = (reviewId: string): Reply => ({ kind: "drip", bytes: bytesOf(allowing(reviewId)), everyMs: 40 });
