import { DescribeRequest, Manifest as WireManifest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { PHASES } from "@sallyport/contract/phase.ts";
import { decodeStrict, METHODS } from "@sallyport/contract/wire.ts";
import type { Cancel } from "../../model/cancel.ts";
import type { Manifest } from "../../model/manifest.ts";
import { err, type Result } from "../../model/result.ts";
import type { ReviewFailure } from "../../model/review-failure.ts";
import type { Clock } from "../../ports/clock.ts";
import type { BindingConfig } from "../../ports/review-client.ts";
import type { InterceptorChannel } from "./interceptor-channel.ts";
import { statusToFailure } from "./status-to-failure.ts";
import { toManifest } from "./to-manifest.ts";
import type { CallOutcome } from "./unary-call.ts";

/** Largest manifest, bytes. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;

/** What the gateway says of itself. */
export interface GatewayFacts {
  readonly gatewayId: string;
  readonly gatewayVersion: string;
  readonly maxConcurrentReviews: number;
}

/** Asks a service what it wants; `timeMs` is the whole time it may take. Never rejects; `unavailable` also when it was cancelled. */
export function describe(
  channel: Pick<InterceptorChannel, "call" | "receiveLimitBytes">,
  message: Uint8Array,
  { timeMs, cancel, clock }: { readonly timeMs: number; readonly cancel: Cancel; readonly clock: Clock },
): Promise<Result<Manifest, ReviewFailure>> {
  return new Promise((resolve) => {
    let giveUp = (): void => {};
    const end = (answer: Result<Manifest, ReviewFailure>): void => {
      stopTimer();
      forget();
      giveUp();
      resolve(answer);
    };
    const stopTimer = clock.after(timeMs, () => end(err({ kind: "timeout", message: `no manifest within ${timeMs} ms` })));
    const started = channel.call({ method: METHODS.describe, message: Buffer.from(message) }, timeMs, (outcome) =>
      end(manifestOf(outcome, channel.receiveLimitBytes)),
    );
    if (started.ok) giveUp = started.value;
    else queueMicrotask(() => end(err(statusToFailure(started.error, channel.receiveLimitBytes))));
    const forget = cancel.onAbort(() =>
      queueMicrotask(() => end(err({ kind: "unavailable", message: "describing was cancelled" }))),
    );
  });
}

/** The request in which a service is told who calls and what the operator's file says of its bindings. */
export function encodeDescribe(
  bindings: readonly BindingConfig[],
  { gatewayId, gatewayVersion, maxConcurrentReviews }: GatewayFacts,
): Uint8Array {
  return DescribeRequest.encode({
    gatewayId,
    gatewayVersion,
    limits: { maxConcurrentReviews },
    bindings: bindings.map((binding) => ({ ...binding, phase: PHASES[binding.phase].wire })),
  }).finish();
}

function manifestOf(outcome: CallOutcome, receiveLimitBytes: number): Result<Manifest, ReviewFailure> {
  switch (outcome.kind) {
    case "status":
      return err(statusToFailure(outcome.status, receiveLimitBytes));
    case "malformed":
      return err({ kind: "invalid", reason: "contract", message: outcome.detail });
    case "reply":
      return readManifest(outcome.bytes);
    default:
      return outcome satisfies never;
  }
}

function readManifest(bytes: Uint8Array): Result<Manifest, ReviewFailure> {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    return err({
      kind: "invalid",
      reason: "too_large",
      message: `a manifest of ${bytes.byteLength} bytes, at most ${MAX_MANIFEST_BYTES} allowed`,
    });
  }
  const decoded = decodeStrict(WireManifest, bytes);
  if (!decoded.ok) return err({ kind: "invalid", reason: "undecodable", message: `the manifest is ${decoded.error}` });
  const manifest = toManifest(decoded.value);
  return manifest.ok ? manifest : err({ kind: "invalid", reason: "contract", message: manifest.error });
}
