import { isProtectedHeader, legalWrites, parseFieldPointer } from "@sallyport/contract/view-field.ts";
import { parsePathPattern } from "../config/path-pattern.ts";
import { isHostName } from "../config/schema/http-words.ts";
import type { BindingDeclaration } from "../model/manifest.ts";
import { isHiddenField, type HiddenNames } from "../review/hidden.ts";
import type { GrantedBinding, OperatorBinding } from "../review/grant.ts";

/**
 * Why a declaration that was granted cannot be bound all the same: what only this configuration can tell of a manifest. A selector
 * spelled in a way that no request matches would leave a route unreviewed and nobody would know, so it is a fault.
 */
export function declarationFault(granted: GrantedBinding<OperatorBinding>, hidden: HiddenNames): string | undefined {
  const fault = selectorFault(granted.declaration.selector) ?? ownedFault(granted, hidden) ?? writesFault(granted, hidden);
  return fault && `the manifest of "${granted.declaration.id}": ${fault}`;
}

function selectorFault({ methods, hosts, paths }: BindingDeclaration["selector"]): string | undefined {
  const method = methods.find((name) => !/^[A-Z][A-Z-]{0,31}$/.test(name));
  if (method !== undefined) return `${quoted(method)} is not a method in upper case`;
  const host = hosts.find((pattern) => !isHostPattern(pattern));
  if (host !== undefined) return `${quoted(host)} is not a host in lower case`;
  const path = paths.find((source) => !parsePathPattern(source).ok);
  return path === undefined ? undefined : `${quoted(path)} is not in the grammar of path patterns`;
}

const isHostPattern = (pattern: string): boolean => isHostName(pattern.startsWith("*.") ? pattern.slice(2) : pattern);

/** Owned headers are taken out of every client's request: not for what a request cannot do without (C11). */
function ownedFault({ ownsHeaders }: GrantedBinding<OperatorBinding>, hidden: HiddenNames): string | undefined {
  const bad = ownsHeaders.find(
    (name) =>
      name.startsWith("content-") ||
      isProtectedHeader("request", name) ||
      isHiddenField(hidden, { kind: "header", side: "request", name }),
  );
  return bad && `the header ${bad} cannot be owned: it is a credential, describes the body or belongs to the gateway`;
}

/** A hidden field is never written (C10); where the operator lists `writes`, the loader has said so already. */
function writesFault({ declaration, writes }: GrantedBinding<OperatorBinding>, hidden: HiddenNames): string | undefined {
  for (const pointer of writes) {
    const legal = legalWrites(declaration.phase, pointer);
    if (!legal.ok) return `writes ${pointer}: ${legal.error}`;
    if (isHiddenPointer(pointer, hidden)) return `writes ${pointer}, which is hidden; narrow it with writes:`;
  }
  return undefined;
}

/** Whether a pointer names a field no view shows. Adding cookies is no such write: it is granted by a power. */
export function isHiddenPointer(pointer: string, hidden: HiddenNames): boolean {
  const parsed = parseFieldPointer(pointer);
  return parsed.ok && parsed.value.rest.length === 0 && isHiddenField(hidden, parsed.value.field);
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 100));
