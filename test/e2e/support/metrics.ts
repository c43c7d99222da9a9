import type { TestGateway } from "../../support/start-gateway.ts";

/** Reads one series; 0 where there is none. */
export type ReadMetric = (name: string, labels: Readonly<Record<string, string>>) => number;

/** All metrics of a gateway as they are now. */
export async function readMetrics({ adminUrl }: Pick<TestGateway, "adminUrl">): Promise<ReadMetric> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const series = new Map<string, number>();
  for (const [, name = "", labels = "", value] of text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm))
    series.set(seriesName(name, labels.split(",")), Number(value));
  return (name, labels) =>
    series.get(
      seriesName(
        name,
        Object.entries(labels).map(([label, value]) => `${label}="${value}"`),
      ),
    ) ?? 0;
}

const seriesName = (name: string, labels: readonly string[]): string =>
  `${name}{${labels
    .filter((label) => label !== "")
    .toSorted()
    .join(",")}}`;
