import { fromPatch } from "./patch-wire.ts";
import type { AllowVerdict } from "./verdict-types.ts";
import { WireWriter } from "./wire-writer.ts";

/** The bytes of an allow verdict, as the generated encoder would write them: almost every verdict is one. */
export function encodeAllow(verdict: AllowVerdict, reviewId: string): Uint8Array {
  const writer = new WireWriter();
  const text = (field: number, value: string): void => {
    if (value !== "") writer.text(field, value);
  };
  text(1, reviewId);
  writer.message(2, () => {});
  for (const operation of verdict.patches) {
    const { op, path, from, valueJson } = fromPatch(operation);
    writer.message(5, () => {
      writer.number(1, op);
      text(2, path);
      text(3, from);
      text(4, valueJson);
    });
  }
  for (const { name, value } of verdict.annotations) {
    writer.message(6, () => {
      text(1, name);
      text(2, value);
    });
  }
  for (const warning of verdict.warnings) writer.text(7, warning);
  const { cache, validForMs = 0 } = verdict;
  if (cache !== undefined) {
    writer.message(8, () => {
      if (cache.ttlMs !== 0) writer.number(1, cache.ttlMs);
      for (const tag of cache.tags) writer.text(2, tag);
    });
  }
  if (validForMs !== 0) writer.number(9, validForMs);
  return writer.finish();
}
