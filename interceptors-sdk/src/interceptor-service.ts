import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Result } from "@sallyport/contract/result.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import type { Door } from "./door.ts";
import type { GatewayWatchers, Watcher } from "./gateway-watchers.ts";
import { rawBytes } from "./raw-bytes.ts";
import type { Refusal, ReviewService } from "./review-service.ts";

type Call = ServerUnaryCall<Uint8Array, Uint8Array>;
type Callback = sendUnaryData<Uint8Array>;

/** The gRPC service of an interceptor. Messages stay bytes here: the contract package decodes them strictly. */
export function interceptorService({
  reviews,
  watchers,
  door,
}: {
  readonly reviews: ReviewService;
  readonly watchers: GatewayWatchers;
  readonly door: Door;
}): { readonly definition: ServiceDefinition; readonly implementation: UntypedServiceImplementation } {
  const unary = { requestStream: false, responseStream: false, ...rawBytes };
  return {
    definition: {
      Describe: { path: METHODS.describe, ...unary },
      Review: { path: METHODS.review, ...unary },
      Watch: { path: METHODS.watch, ...unary, responseStream: true },
    },
    implementation: {
      Describe: (call: Call, callback: Callback) => void describe(call, callback),
      Review: (call: Call, callback: Callback) => void review(call, callback),
      Watch: (call: Watcher) => void watch(call),
    },
  };

  async function describe(call: Call, callback: Callback): Promise<void> {
    const refused = await door.refusal(call);
    if (refused !== undefined) return callback(refused);
    return reply(callback, reviews.describe(call.request), Number.POSITIVE_INFINITY);
  }

  async function review(call: Call, callback: Callback): Promise<void> {
    const refused = await door.refusal(call);
    if (refused !== undefined) return callback(refused);
    return answer(reviews, call, callback);
  }

  async function watch(call: Watcher): Promise<void> {
    const refused = await door.refusal(call);
    if (refused !== undefined) return void call.emit("error", refused);
    return watchers.add(call);
  }
}

async function answer(reviews: ReviewService, call: Call, callback: Callback): Promise<void> {
  const deadline = Math.min(Number(call.getDeadline()), Date.now() + LONGEST_REVIEW_MS);
  const remainingMs = (): number => Math.max(0, deadline - Date.now());
  const over = new AbortController();
  const abort = (): void => over.abort();
  const timer = setTimeout(abort, remainingMs());
  call.once("cancelled", abort);
  if (call.cancelled) abort();
  const verdict = await reviews.review(call.request, { signal: over.signal, remainingMs });
  clearTimeout(timer);
  // the library calls every finished call cancelled; nobody is left to hear it
  call.off("cancelled", abort);
  reply(callback, verdict, remainingMs());
}

/** The contract's longest grant of time, for a call that came without a deadline. */
const LONGEST_REVIEW_MS = 30_000;

function reply(callback: Callback, answer: Result<Uint8Array, Refusal>, remainingMs: number): void {
  if (answer.ok) return callback(null, answer.value);
  return callback({ code: codeOf(answer.error, remainingMs), details: answer.error.message });
}

/** None of these is a verdict: the gateway meets each with its failure policy (C15). */
function codeOf({ reason }: Refusal, remainingMs: number): status {
  if (reason === "abandoned") return remainingMs > 0 ? status.CANCELLED : status.DEADLINE_EXCEEDED;
  return CODES[reason];
}

const CODES = {
  undecodable: status.INVALID_ARGUMENT,
  "unknown-binding": status.NOT_FOUND,
  "unknown-config": status.FAILED_PRECONDITION,
  "config-refused": status.INVALID_ARGUMENT,
  overloaded: status.RESOURCE_EXHAUSTED,
  failed: status.INTERNAL,
} as const satisfies Record<Exclude<Refusal["reason"], "abandoned">, status>;
