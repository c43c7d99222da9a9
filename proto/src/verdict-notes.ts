import { utf8Length } from "./json-pointer.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import type { Annotation } from "./verdict-types.ts";

/** The notes of a verdict as they came. */
export interface WireNotes {
  readonly annotations: readonly Annotation[];
  readonly warnings: readonly string[];
}

/**
 * The notes of a verdict, control characters shown as spaces (they go to logs and headers); an error when they
 * exceed their bounds (C9).
 */
export function toNotes(wire: WireNotes): Result<WireNotes> {
  const { annotations, warnings } = keepNotes(wire);
  if (annotations.length < wire.annotations.length) {
    return err("more than 16 annotations, or one without a name or with more than 256 bytes");
  }
  if (warnings.length < wire.warnings.length) return err("more than 16 warnings, or one with more than 256 bytes");
  return ok({ annotations, warnings });
}

/** {@link toNotes} for denials: what exceeds a bound is left out. */
export function keepNotes(wire: WireNotes): WireNotes {
  return {
    annotations: wire.annotations
      .slice(0, FIXED_LIMITS.annotations)
      .filter(({ name, value }) => name !== "" && fits(name) && fits(value))
      .map(({ name, value }) => ({ name: withoutControl(name), value: withoutControl(value) })),
    warnings: wire.warnings
      .slice(0, FIXED_LIMITS.warnings)
      .filter((warning) => utf8Length(warning, FIXED_LIMITS.warningBytes) <= FIXED_LIMITS.warningBytes)
      .map(withoutControl),
  };
}

/** A text with a space in place of each control character. */
export const withoutControl = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");

const fits = (text: string): boolean => utf8Length(text, FIXED_LIMITS.annotationBytes) <= FIXED_LIMITS.annotationBytes;
