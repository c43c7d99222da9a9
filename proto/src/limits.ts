/** A default with the bounds an operator may move it in. */
export interface LimitRange {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Ceilings of the contract an operator may set, with their defaults (RFC.md, limits).
 * Units are in the names. A violation by an interceptor is a review failure.
 */
export const LIMITS = {
  timeoutMs: { fallback: 500, min: 10, max: 30_000 },
  maxPatches: { fallback: 32, min: 0, max: 1024 },
  /** Encoded size of one Verdict, checked before it is decoded. */
  maxResponseBytes: { fallback: MIB, min: KIB, max: 64 * MIB },
  /** Decoded size of a body shown to a binding. */
  maxBodyBytes: { fallback: MIB, min: 0, max: 64 * MIB },
  maxConcurrentReviews: { fallback: 256, min: 1, max: 65_536 },
  maxPendingReviews: { fallback: 1024, min: 0, max: 65_536 },
  /** Time for all synchronous reviews of one exchange (C20). */
  reviewBudgetMs: { fallback: 2000, min: 10, max: 60_000 },
} as const satisfies Record<string, LimitRange>;

/** Ceilings nobody can move: of a verdict (C9), of JSON (C24), of pointers and declarations. */
export const FIXED_LIMITS = {
  annotations: 16,
  /** Of an annotation's name and of its value, each, in UTF-8. */
  annotationBytes: 256,
  warnings: 16,
  warningBytes: 256,
  /** Of a denial's sentence, in UTF-8. */
  messageBytes: KIB,
  /** Headers one deny or respond verdict may carry; the rest are dropped (deny) or refused (respond). */
  verdictHeaders: 64,
  labelBytes: KIB,
  cacheTags: 64,
  cacheTagBytes: 256,
  /** Tags of one revoke. */
  revokeTags: 1024,
  /** One event of Watch; above it the stream is given up. */
  eventBytes: 64 * KIB,
  jsonDepth: 128,
  pointerBytes: 1024,
  /** Entries of one `needs`, `writes` or `expose` list. */
  pointers: 256,
} as const satisfies Record<string, number>;
