import { err, ok, type Result } from "../model/result.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Source of the pattern a written duration matches: digits and one unit. */
export const DURATION_PATTERN = "^[0-9]{1,9}(ms|s|m|h)$";

/** Milliseconds of `500ms`, `30s`, `10m` or `2h`; whole numbers only. The error says what was expected. */
export function parseDuration(text: string): Result<number, string> {
  const match = new RegExp(DURATION_PATTERN).exec(text);
  const unit = match?.[1];
  if (!isUnit(unit)) return err("expected a duration such as 500ms, 30s or 10m");
  return ok(Number.parseInt(text, 10) * UNIT_MS[unit]);
}

/** The shortest exact way to write `ms` milliseconds. */
export function formatDuration(ms: number): string {
  for (const unit of ["h", "m", "s"] as const) {
    if (ms > 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

const isUnit = (unit: string | undefined): unit is keyof typeof UNIT_MS => unit !== undefined && Object.hasOwn(UNIT_MS, unit);
