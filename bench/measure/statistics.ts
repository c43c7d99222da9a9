/** Middle of the sorted values; the mean of the two middle ones where their number is even. `NaN` for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A ratio over paired rounds. */
export interface Ratio {
  readonly median: number;
  /** 95 % interval of the geometric mean; absent below three rounds, and where a round has a ratio of zero or less. */
  readonly interval?: readonly [low: number, high: number];
  readonly rounds: number;
}

/** Round by round, because two figures of one round saw the same machine. */
export function pairedRatio(ours: readonly number[], anchor: readonly number[]): Ratio {
  const ratios = ours.flatMap((value, round) => (anchor[round] === undefined ? [] : [value / anchor[round]]));
  const rounds = ratios.length;
  // what one figure adds to another may come out negative in a noisy round: such a ratio has no logarithm
  if (rounds < 3 || ratios.some((ratio) => ratio <= 0)) return { median: median(ratios), rounds };
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, each) => sum + each, 0) / rounds;
  const variance = logs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (rounds - 1);
  const reach = studentT(rounds - 1) * Math.sqrt(variance / rounds);
  return { median: median(ratios), interval: [Math.exp(mean - reach), Math.exp(mean + reach)], rounds };
}

/** A figure over several samples, with the 95 % interval of its mean; no interval below three. */
export function sampled(figures: readonly number[]): Ratio {
  const rounds = figures.length;
  if (rounds < 3) return { median: median(figures), rounds };
  const mean = figures.reduce((sum, each) => sum + each, 0) / rounds;
  const variance = figures.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (rounds - 1);
  const reach = studentT(rounds - 1) * Math.sqrt(variance / rounds);
  return { median: median(figures), interval: [mean - reach, mean + reach], rounds };
}

/** Two-sided 95 % quantiles of Student's t for 1, 2, 3 … degrees of freedom. */
const STUDENT_T = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12];

const studentT = (freedom: number): number => STUDENT_T[freedom - 1] ?? 2.1;
