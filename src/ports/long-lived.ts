import type { Exchange } from "../model/exchange.ts";
import type { ProblemSource } from "../model/problem.ts";

/** What one accepted allow said about its own end (C36). */
export interface Term {
  readonly interceptor: string;
  /** Under which its service may revoke it; may be empty. */
  readonly tags: readonly string[];
  /** Milliseconds after which to ask again; absent: only a revoke makes it so. */
  readonly validForMs: number | undefined;
  /** When the verdict came, monotonic milliseconds. */
  readonly sinceMs: number;
}

/** By `interceptor/binding`: a later allow of a binding takes the place of its earlier one. */
export type Terms = ReadonlyMap<string, Term>;

/** Why a stream was closed before its end. Becomes the ending of its record. */
export interface Closing {
  /** Public code: a row of PROBLEMS, or the verdict's own (C9). */
  readonly code: string;
  /** `interceptor/binding`, or the stage that decided. */
  readonly by: string;
  readonly source: ProblemSource;
  /** For the metric: a fixed word. */
  readonly reason: "denied" | "failed" | "route-gone";
  /** For the log only. */
  readonly cause?: unknown;
}

/** An open stream, and all that is kept of its exchange. */
export interface LongLivedStream {
  /** As the client sent it, with the principal and tenant it was served for; without bodies. */
  readonly exchange: Exchange;
  readonly route: string;
  /** Monotonic milliseconds: a revoke since then may have been meant for its verdicts. */
  readonly startedMs: number;
  readonly terms: Terms;
  /** Ends the stream. Called once at most, never after it was left. */
  close(closing: Closing): void;
}

/** Keeps open streams to ask about them again. Bounded. */
export interface LongLived {
  /** Takes a stream in; the function takes it out, harmless when called again. Undefined: there is no room for one more. */
  enter(stream: LongLivedStream): (() => void) | undefined;
}
