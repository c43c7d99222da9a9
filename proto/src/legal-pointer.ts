import { fieldAt, isContainerPointer, type Field, type FieldPointer } from "./field.ts";
import { parsePointer } from "./json-pointer.ts";
import { PHASES, type Mode, type Phase } from "./phase.ts";
import { isProtectedHeader } from "./protected-header.ts";
import { err, ok, type Result } from "./result.ts";

/**
 * Whether a binding of this phase may be shown a field or container (RFC.md, view); the error is a reason for people.
 * `/outcome` is for observers: with `mode` given it is refused to the others, without it is accepted.
 */
export function legalNeeds(phase: Phase, pointer: string, mode?: Mode): Result<void> {
  const tokens = viewTokens(pointer);
  if (!tokens.ok) return tokens;
  const [root] = tokens.value;
  if (phase === "pre-auth" && (root === "principal" || root === "tenant")) {
    return err(`at pre-auth there is no ${root} yet`);
  }
  if (phase !== "post-response" && root === "response") return err("there is no response before post-response");
  if (!isContainerPointer(tokens.value)) {
    const field = fieldAt(tokens.value);
    if (field.ok && field.value.rest.length > 0) return err("needs name whole fields, a body too");
  }
  if (root === "outcome" && mode !== undefined && mode !== "observe") return err("only observers see the outcome");
  return ok(undefined);
}

/**
 * Whether patches of this phase may ever write a place, for entries of `writes` (C10). Containers are accepted: they
 * stand for the writable fields in them. The error is a reason for people.
 */
export function legalWrites(phase: Phase, pointer: string): Result<void> {
  const tokens = viewTokens(pointer);
  if (!tokens.ok) return tokens;
  if (isContainerPointer(tokens.value)) return legalSide(phase, tokens.value[0] === "response" ? "response" : "request");
  const field = fieldAt(tokens.value);
  if (!field.ok) return field;
  return isElement(field.value) ? err("writes name a header or a query name as a whole") : isWritableField(phase, field.value);
}

/** {@link legalWrites} for one field: what no grant can make writable. The grant itself is checked besides. */
export function isWritableField(phase: Phase, { field, rest }: FieldPointer): Result<void> {
  const always = isEverWritable(field, rest);
  if (!always.ok) return always;
  return legalSide(phase, sideOf(field));
}

/** The part of {@link isWritableField} that is the same at every phase. */
export function isEverWritable(field: Field, rest: readonly string[]): Result<void> {
  switch (field.kind) {
    case "readonly":
      return err(`/${field.root} is read-only`);
    case "request":
      return field.member === "method" || field.member === "path" ? ok(undefined) : err(`/request/${field.member} is read-only`);
    case "header":
      if (field.side === "response" && field.name === "set-cookie") {
        return rest[0] === "-" ? ok(undefined) : err('cookies are only added, with "/response/headers/set-cookie/-"');
      }
      return isProtectedHeader(field.side, field.name) ? err(`the header ${field.name} is protected`) : ok(undefined);
    case "query":
    case "body":
    case "status":
    case "label":
      return ok(undefined);
    default:
      return field satisfies never;
  }
}

// adding a cookie is the only write that is granted for an element alone
function isElement({ field, rest }: FieldPointer): boolean {
  if (rest.length === 0 || (field.kind === "header" && field.name === "set-cookie")) return false;
  return field.kind === "header" || field.kind === "query";
}

function viewTokens(pointer: string): Result<readonly string[]> {
  const tokens = parsePointer(pointer);
  if (!tokens.ok || isContainerPointer(tokens.value)) return tokens;
  const field = fieldAt(tokens.value);
  return field.ok ? tokens : field;
}

function legalSide(phase: Phase, side: "request" | "response"): Result<void> {
  if (PHASES[phase].view === side) return ok(undefined);
  return side === "response"
    ? err("there is no response before post-response")
    : err("patches at post-response write only below /response");
}

function sideOf(field: Field): "request" | "response" {
  if (field.kind === "status") return "response";
  return field.kind === "header" || field.kind === "body" ? field.side : "request";
}
