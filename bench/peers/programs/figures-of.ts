/** Figures of a burst as the bench reads them, without its errors; sorts `latenciesMs` in place. */
export function figuresOf(latenciesMs: number[], seconds: number) {
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0;
  return { requests: latenciesMs.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}
