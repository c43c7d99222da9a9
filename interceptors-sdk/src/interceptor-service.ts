import type { Result } from "@sallyport/contract/result.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import { CallTime } from "./call-time.ts";
import type { Door, RefusedCall } from "./door.ts";
import type { GatewayWatchers } from "./gateway-watchers.ts";
import type { Refusal, ReviewService } from "./review-service.ts";
import type { RpcMethods, StreamCall, UnaryCall } from "./rpc-server.ts";

/** The gRPC service of an interceptor. Messages stay bytes here: the contract package decodes them strictly. */
export function interceptorService({
  reviews,
  watchers,
  door,
}: {
  readonly reviews: ReviewService;
  readonly watchers: GatewayWatchers;
  readonly door: Door;
}): RpcMethods {
  const describe = (call: UnaryCall): void => reply(call, reviews.describe(call.request), Number.POSITIVE_INFINITY);
  const review = (call: UnaryCall): void => answer(reviews, call);
  const watch = (call: StreamCall): void => watchers.add(call);
  return {
    unary: new Map([
      [METHODS.describe, (call) => welcome(door, call, describe)],
      [METHODS.review, (call) => welcome(door, call, review)],
    ]),
    streaming: new Map([[METHODS.watch, (call) => welcome(door, call, watch)]]),
  };
}

/** Lets the call in, or refuses it: at once where that can be told, which is the rule. */
function welcome<Call extends UnaryCall | StreamCall>(door: Door, call: Call, enter: (call: Call) => void): void {
  const admit = (refused: RefusedCall | undefined): void => (refused === undefined ? enter(call) : call.fail(refused));
  const refused = door.refusal(call);
  if (refused instanceof Promise) void refused.then(admit);
  else admit(refused);
}

function answer(reviews: ReviewService, call: UnaryCall): void {
  const nowMs = performance.now();
  const time = new CallTime(Math.min(call.endsAtMs, nowMs + LONGEST_REVIEW_MS));
  if (call.isCancelled || call.endsAtMs <= nowMs) time.end();
  const verdict = reviews.review(call.request, time);
  if (!(verdict instanceof Promise)) return finish(call, verdict, time);
  call.onCancel(time.end);
  void verdict.then((late) => finish(call, late, time));
}

function finish(call: UnaryCall, verdict: Result<Uint8Array, Refusal>, time: CallTime): void {
  time.answered();
  if (verdict.ok) call.reply(verdict.value);
  else reply(call, verdict, time.remainingMs());
}

/** The contract's longest grant of time, for a call that came without a deadline. */
const LONGEST_REVIEW_MS = 30_000;

function reply(call: UnaryCall, answered: Result<Uint8Array, Refusal>, remainingMs: number): void {
  if (answered.ok) call.reply(answered.value);
  else call.fail({ code: codeOf(answered.error, remainingMs), details: answered.error.message });
}

/** None of these is a verdict: the gateway meets each with its failure policy (C15). */
function codeOf({ reason }: Refusal, remainingMs: number): number {
  if (reason === "abandoned") return remainingMs > 0 ? STATUS.CANCELLED : STATUS.DEADLINE_EXCEEDED;
  return CODES[reason];
}

const CODES = {
  undecodable: STATUS.INVALID_ARGUMENT,
  "unknown-binding": STATUS.NOT_FOUND,
  "unknown-config": STATUS.FAILED_PRECONDITION,
  "config-refused": STATUS.INVALID_ARGUMENT,
  overloaded: STATUS.RESOURCE_EXHAUSTED,
  failed: STATUS.INTERNAL,
} as const satisfies Record<Exclude<Refusal["reason"], "abandoned">, number>;
