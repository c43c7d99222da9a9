import type { FailurePolicy, Mode, Phase } from "@sallyport/contract/phase.ts";
import type { Annotation } from "@sallyport/contract/verdict.ts";
import type { TraceIds } from "./exchange.ts";
import type { ProblemSource } from "./problem.ts";
import type { ReviewFailure } from "./review-failure.ts";

/** What happened to one exchange, complete when it is over. Holds no header, no body, no query and no credential, so that a line made of it cannot. */
export interface ExchangeRecord {
  readonly ids: TraceIds;
  /** Revision of the plan it ran on. */
  readonly revision: string;
  readonly listener: string;
  readonly clientAddress: string;
  readonly method: string;
  readonly host: string;
  /** Normalised path as the client sent it, without query. */
  readonly path: string;
  /** Final route; empty where none matched. */
  readonly route: string;
  /** Empty where the exchange never reached its choice. */
  readonly upstream: string;
  /** Empty for anonymous. */
  readonly principalId: string;
  readonly tenant: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly ending: ExchangeEnding;
  /** Whether the whole response was handed to the client's connection; `false` also when it left in between. */
  readonly complete: boolean;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of an open WebSocket: who closed it, and the code the client was told, or told; 1006: none. */
  readonly webSocket?: { readonly by: "client" | "upstream" | "gateway"; readonly code: number } | undefined;
  readonly latency: LatencySplit;
  /** In the order they were asked, catch-up rounds included. */
  readonly reviews: readonly ReviewRecord[];
}

/** Where the time went, milliseconds on the monotonic clock. */
export interface LatencySplit {
  /** Spent waiting in positions (C20). */
  readonly reviewMs: number;
  /** From sending to the upstream's response head. */
  readonly upstreamMs: number;
  /** From the parsed request head to the last byte of the response. */
  readonly totalMs: number;
}

/** How an exchange ended, and whose word it was. */
export type ExchangeEnding =
  /** The upstream's response went out. With a source: its body broke off on the way, and so did what the client was sent. */
  | { readonly kind: "forwarded"; readonly status: number; readonly source?: ProblemSource; readonly cause?: unknown }
  /** A respond verdict took the upstream's place (C12). */
  | { readonly kind: "responded"; readonly status: number; readonly decidedBy: string }
  /** A deny verdict; `code` is the verdict's or `review_denied`. */
  | { readonly kind: "denied"; readonly status: number; readonly decidedBy: string; readonly code: string }
  /** The gateway itself said no: no route, no credential, too large, unreviewable. `decidedBy` names the stage, or the binding that could not be shown its view. */
  | ({ readonly kind: "refused" } & Trouble)
  /** Something that had to answer did not: an interceptor, the upstream, the gateway. `decidedBy` names it. */
  | ({ readonly kind: "failed" } & Trouble)
  /** An open stream was closed (C36): a binding took back what it had said, could not be asked, or no route is left. `status` is what had been sent. */
  | ({ readonly kind: "closed" } & Trouble)
  /** The client left first. `status` is what had been sent, 499 before any. */
  | { readonly kind: "cancelled"; readonly status: number };

/** A problem the client was answered with, or its stream was closed for. */
interface Trouble {
  readonly status: number;
  readonly decidedBy: string;
  /** Stable code of the problem body; of a stream that a denial closed, the denial's. */
  readonly code: string;
  readonly source: ProblemSource;
  /** For the log only; an Error shows its stack only where the source is the gateway. */
  readonly cause?: unknown;
}

/** One review of an exchange. */
export interface ReviewRecord {
  /** `interceptor/binding`. */
  readonly binding: string;
  readonly phase: Phase;
  readonly mode: Mode;
  /** From the binding's turn to its verdict or failure, milliseconds; 0 where none was asked. */
  readonly durationMs: number;
  readonly ending: ReviewEnding;
}

/** How one review ended. */
export type ReviewEnding =
  | {
      readonly kind: "verdict";
      readonly verdict: "allow" | "deny" | "respond";
      /** The service was not asked: an equal question had been answered, or was being (C34). */
      readonly cached?: true;
      /** Operations applied. */
      readonly patches: number;
      readonly annotations: readonly Annotation[];
      readonly warnings: readonly string[];
      /** What was dropped of it (C8): fixed sentences. */
      readonly defects: readonly string[];
    }
  | { readonly kind: "failure"; readonly failure: ReviewFailure; readonly policy: FailurePolicy }
  /** What it needs could not be shown (C18). */
  | { readonly kind: "unreviewable"; readonly reason: string; readonly skipped: boolean }
  /** No longer wanted: an earlier deny, or the client left. */
  | { readonly kind: "cancelled" };
