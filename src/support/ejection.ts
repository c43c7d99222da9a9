import type { Breaker } from "./breaker.ts";

/** How many of several that do the same work may be given up for failing. */
export interface Ejection<T> {
  /** Of all of them, 0 to 100: so many are given up one by one. */
  readonly maxPercent: number;
  /** Whether this one still takes work and is no reason to give up the whole. */
  readonly isLeft: (one: T) => boolean;
}

/**
 * Whose breakers open now that `failed` failed once more. Up to a share of them one by one: the others stand in. Beyond that it
 * is not one of them that fails but what they serve, and then all that are due open together, once none is left that does work
 * (2026-11, R13, R14). One alone is the case n = 1.
 */
export function dueToOpen<T extends { readonly breaker: Breaker }>(
  failed: T,
  all: readonly T[],
  { maxPercent, isLeft }: Ejection<T>,
): readonly T[] {
  if (!failed.breaker.isDue) return NONE;
  const opened = all.filter(({ breaker }) => !breaker.isClosed).length;
  if (opened + 1 <= Math.floor((all.length * maxPercent) / 100)) return [failed];
  return all.some(isLeft) ? NONE : all.filter(({ breaker }) => breaker.isDue);
}

const NONE: readonly never[] = [];
