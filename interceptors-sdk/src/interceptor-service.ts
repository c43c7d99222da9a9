import type { Result } from "@sallyport/contract/result.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import { CallTime } from "./call-time.ts";
import type { GatewayWatchers } from "./gateway-watchers.ts";
import type { Refusal, ReviewService } from "./review-service.ts";
import type { RpcMethods, UnaryCall } from "./rpc-server.ts";

/** The gRPC service of an interceptor, for callers that were let in. Messages stay bytes here: the contract package decodes them strictly. */
export function interceptorService({
  reviews,
  watchers,
  onFault,
}: {
  readonly reviews: Reviews;
  readonly watchers: GatewayWatchers;
  /** A bug of ours. */
  readonly onFault: (thrown: unknown) => void;
}): RpcMethods {
  return {
    unary: new Map([
      [METHODS.describe, (call) => reply(call, reviews.describe(call.request))],
      [METHODS.review, (call) => answer(reviews, call, onFault)],
    ]),
    streaming: new Map([[METHODS.watch, (call) => watchers.add(call)]]),
  };
}

type Reviews = Pick<ReviewService, "describe" | "review">;

function answer(reviews: Reviews, call: UnaryCall, onFault: (thrown: unknown) => void): void {
  const nowMs = performance.now();
  const time = new CallTime(Math.min(call.endsAtMs, nowMs + LONGEST_REVIEW_MS));
  if (call.isCancelled || call.endsAtMs <= nowMs) time.cancel();
  const verdict = reviews.review(call.request, time);
  if (!(verdict instanceof Promise)) return finish(call, verdict, time);
  call.onCancel(time.cancel);
  verdict
    .then((late) => finish(call, late, time))
    .catch((thrown: unknown) => {
      time.answered();
      call.fail({ code: STATUS.INTERNAL, details: "internal error" });
      onFault(thrown);
    });
}

function finish(call: UnaryCall, verdict: Result<Uint8Array, Refusal>, time: CallTime): void {
  time.answered();
  if (verdict.ok) call.reply(verdict.value);
  else reply(call, verdict, time.ending);
}

/** The contract's longest grant of time, for a call that came without a deadline. */
const LONGEST_REVIEW_MS = 30_000;

function reply(call: UnaryCall, answered: Result<Uint8Array, Refusal>, ending?: CallTime["ending"]): void {
  if (answered.ok) call.reply(answered.value);
  else call.fail({ code: codeOf(answered.error, ending), details: answered.error.message });
}

/** None of these is a verdict: the gateway meets each with its failure policy (C15). */
function codeOf({ reason }: Refusal, ending: CallTime["ending"]): number {
  if (reason === "abandoned") return ending === "cancelled" ? STATUS.CANCELLED : STATUS.DEADLINE_EXCEEDED;
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
