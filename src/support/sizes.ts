import { err, ok, type Result } from "../model/result.ts";

const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Source of the pattern a written size matches: digits and one binary unit. */
export const SIZE_PATTERN = "^[0-9]{1,9}(B|KiB|MiB|GiB)$";

/** Bytes of `512B`, `64KiB`, `10MiB` or `1GiB`; whole numbers only. The error says what was expected. */
export function parseSize(text: string): Result<number, string> {
  const match = new RegExp(SIZE_PATTERN).exec(text);
  const unit = match?.[1];
  if (!isUnit(unit)) return err("expected a size such as 64KiB or 10MiB");
  return ok(Number.parseInt(text, 10) * UNIT_BYTES[unit]);
}

/** The shortest exact way to write `bytes`. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"] as const) {
    if (bytes > 0 && bytes % UNIT_BYTES[unit] === 0) return `${bytes / UNIT_BYTES[unit]}${unit}`;
  }
  return `${bytes}B`;
}

const isUnit = (unit: string | undefined): unit is keyof typeof UNIT_BYTES =>
  unit !== undefined && Object.hasOwn(UNIT_BYTES, unit);
