/** One measured figure, and what it should be. */
export interface Figure {
  readonly what: string;
  readonly value: string;
  /** Empty: told, not judged. */
  readonly goal: string;
  /** Undefined where there is no goal. */
  readonly met?: boolean;
}

/** The figures as a Markdown table. */
export function toTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, value, goal, met }) => `| ${what} | ${value} | ${goal} | ${verdict(met)} |`);
  return ["| figure | value | goal | |", "| --- | ---: | --- | --- |", ...rows].join("\n");
}

const verdict = (met: boolean | undefined): string => (met === undefined ? "" : met ? "met" : "not met");

/** The value below which `share` of the numbers are; NaN of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Milliseconds to read. */
export const ms = (value: number): string => `${value.toFixed(1)} ms`;

/** Bytes to read. */
export const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
