import type { PlacedBinding } from "./compile-bindings.ts";
import type { Issues } from "./issues.ts";

/** One writer per label, one owner per header (C10, C11): otherwise the last one wins by order, and nobody would know. */
export function checkWriters(placed: readonly PlacedBinding[], issues: Issues): void {
  const labels = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const { binding, pointer } of placed) {
    const name = `${binding.interceptor}/${binding.id} (${binding.phase})`;
    for (const label of binding.writes.filter((write) => write === "/labels" || write.startsWith("/labels/"))) {
      const other = [...labels].find(([written]) => written === label || written === "/labels" || label === "/labels")?.[1];
      if (other === undefined) labels.set(label, name);
      else issues.add(pointer, `${label} is also written by ${other}; a label has one writer`, "narrow one of them with writes:");
    }
    for (const header of binding.ownsHeaders) {
      const other = owners.get(header);
      if (other === undefined) owners.set(header, name);
      else issues.add(pointer, `the header ${header} is also owned by ${other}; a header has one owner`, "narrow one of them with writes:");
    }
  }
}
