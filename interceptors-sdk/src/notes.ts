import { utf8Length } from "@sallyport/contract/json-pointer.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import { InvalidVerdictError } from "./errors.ts";

/** What a verdict says besides its answer: annotations for log and audit, warnings for the caller's developer. */
export interface Notes {
  readonly annotations: readonly Annotation[];
  readonly warnings: readonly string[];
}

/** A non-secret note with a name. */
export interface Annotation {
  readonly name: string;
  readonly value: string;
}

/** Nothing to say. */
export const NO_NOTES: Notes = { annotations: [], warnings: [] };

/** Adds an annotation; throws `InvalidVerdictError` (rule `annotations`) beyond 16 or 256 bytes (C9). */
export function withAnnotation(notes: Notes, name: string, value: string): Notes {
  if (notes.annotations.length >= FIXED_LIMITS.annotations) {
    throw new InvalidVerdictError("annotations", `at most ${FIXED_LIMITS.annotations} annotations are accepted`);
  }
  if (name === "") throw new InvalidVerdictError("annotations", "an annotation has a name");
  bounded("annotations", name, FIXED_LIMITS.annotationBytes);
  bounded("annotations", value, FIXED_LIMITS.annotationBytes);
  return { ...notes, annotations: [...notes.annotations, { name, value }] };
}

/** Adds a warning; throws `InvalidVerdictError` (rule `warnings`) beyond 16 or 256 bytes (C9). */
export function withWarning(notes: Notes, text: string): Notes {
  if (notes.warnings.length >= FIXED_LIMITS.warnings) {
    throw new InvalidVerdictError("warnings", `at most ${FIXED_LIMITS.warnings} warnings are accepted`);
  }
  bounded("warnings", text, FIXED_LIMITS.warningBytes);
  return { ...notes, warnings: [...notes.warnings, text] };
}

function bounded(rule: "annotations" | "warnings", text: string, maxBytes: number): void {
  const bytes = utf8Length(text);
  if (bytes > maxBytes) throw new InvalidVerdictError(rule, `${bytes} bytes of text; at most ${maxBytes} are accepted`);
  // a lone surrogate has no UTF-8 form: it would arrive as another character
  if (!text.isWellFormed()) throw new InvalidVerdictError(rule, "a text holds half a surrogate pair");
}
