import { headerName, headerValue, httpStatus } from "./checked-value.ts";
import { InvalidVerdictError } from "./errors.ts";
import { type Notes, NO_NOTES, withAnnotation, withWarning } from "./notes.ts";

/**
 * The answer itself, in place of the upstream's (C12). Only for mutators before forwarding whose operator granted the
 * power `respond`; without the grant the gateway counts it as a failed review.
 * Throws `InvalidVerdictError` for a status outside 200 to 599 or an illegal header.
 */
export function respond(status: number, answer: RespondDetails = {}): Respond {
  const { body = "" } = answer;
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    throw new InvalidVerdictError("body", "the body of respond is a string or a Uint8Array");
  }
  return new Respond({
    status: httpStatus(status),
    headers: linesOf(answer.headers ?? {}),
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
    notes: NO_NOTES,
  });
}

/** What an answer carries. */
export interface RespondDetails {
  /** A list is several lines. */
  readonly headers?: { readonly [name: string]: string | readonly string[] };
  /** Text is sent as UTF-8; `content-type` is among the headers or absent. */
  readonly body?: string | Uint8Array;
}

/** A respond verdict; each step returns a new one. */
export class Respond {
  readonly kind = "respond";
  readonly status: number;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: Uint8Array;
  readonly notes: Notes;

  constructor(parts: Pick<Respond, "status" | "headers" | "body" | "notes">) {
    this.status = parts.status;
    this.headers = parts.headers;
    this.body = parts.body;
    this.notes = parts.notes;
  }

  /** A non-secret note for log and audit: at most 16, name and value 256 bytes each. */
  annotate(name: string, value: string): Respond {
    return this.#noting(withAnnotation(this.notes, name, value));
  }

  /** A note for the caller's developer: at most 16 of 256 bytes. */
  warn(text: string): Respond {
    return this.#noting(withWarning(this.notes, text));
  }

  #noting(notes: Notes): Respond {
    const { status, headers, body } = this;
    return new Respond({ status, headers, body, notes });
  }
}

function linesOf(headers: NonNullable<RespondDetails["headers"]>): Respond["headers"] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const lines = headerValue(headerName(name), value);
    return (typeof lines === "string" ? [lines] : lines).map((line) => ({ name, value: line }));
  });
}
