import type { PlacedBinding } from "./compile-bindings.ts";
import { enforces } from "./enforces.ts";
import type { Issues } from "./issues.ts";

/** One writer per label, one owner per header (C10, C11): otherwise the last one wins by order, and nobody would know. */
export function checkWriters(placed: readonly PlacedBinding[], issues: Issues): void {
  const writers = new Map<string, PlacedBinding>();
  const owners = new Map<string, PlacedBinding>();
  for (const entry of placed.filter(({ binding }) => enforces(binding))) {
    const { writes, ownsHeaders } = entry.binding;
    const labels = writes.filter(isLabel);
    const shared = labels.find((label) => rivalOf(writers, label) !== undefined);
    const rival = shared === undefined ? undefined : rivalOf(writers, shared);
    if (rival !== undefined)
      issues.add(entry.pointer, `${shared} is also written by ${nameOf(rival)}; a label has one writer`, HINT);
    for (const header of ownsHeaders) {
      const owner = owners.get(header);
      if (owner !== undefined)
        issues.add(entry.pointer, `the header ${header} is also owned by ${nameOf(owner)}; a header has one owner`, HINT);
      else owners.set(header, entry);
    }
    for (const label of labels) if (!writers.has(label)) writers.set(label, entry);
  }
}

const HINT = "narrow one of them with writes:";

/** Who of those before writes this label too; the container stands for all labels. */
function rivalOf(writers: ReadonlyMap<string, PlacedBinding>, label: string): PlacedBinding | undefined {
  if (label === ALL_LABELS) return writers.values().next().value;
  return writers.get(label) ?? writers.get(ALL_LABELS);
}

const ALL_LABELS = "/labels";

const isLabel = (pointer: string): boolean => pointer === ALL_LABELS || pointer.startsWith(`${ALL_LABELS}/`);

const nameOf = ({ binding }: PlacedBinding): string => `${binding.interceptor}/${binding.id} (${binding.phase})`;
