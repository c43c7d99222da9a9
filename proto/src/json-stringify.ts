import { isJsonArray, RawNumber, type Json } from "./json-value.ts";

/**
 * Compact JSON text of a value, members in order, numbers as they were written. Parsing it gives the value back.
 * Values come from `parseJson`, `fromPlain` or `applyPatch`, which all bound the nesting; one that was nested by hand
 * beyond some thousand levels overflows the stack.
 */
export function stringifyJson(value: Json): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  if (value instanceof RawNumber) return value.text;
  return isJsonArray(value) ? arrayText(value) : objectText(value);
}

function arrayText(items: readonly Json[]): string {
  let text = "[";
  for (const item of items) {
    if (text.length > 1) text += ",";
    text += stringifyJson(item);
  }
  return `${text}]`;
}

function objectText(members: ReadonlyMap<string, Json>): string {
  let text = "{";
  for (const [name, member] of members) {
    if (text.length > 1) text += ",";
    text += `${JSON.stringify(name)}:${stringifyJson(member)}`;
  }
  return `${text}}`;
}
