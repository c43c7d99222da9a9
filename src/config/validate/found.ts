import type { ConfigNode } from "../source/config-node.ts";
import { pointerTokens } from "../source/pointer.ts";

const MAX_QUOTED = 60;

/** Keys below which, or as which, a secret or the way to one is written. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  "credential",
  "secret",
  "secret_file",
  "token_file",
  "file",
  "sha256",
  "config",
]);

/** Whether nothing at or below the pointer may be shown in an issue. */
export const isSecretPointer = (pointer: string): boolean => pointerTokens(pointer).some((token) => SECRET_KEYS.has(token));

/**
 * Whether the value may be shown: not from the environment, not at a secret's place, and not with an `@`, which in an address
 * stands behind a password.
 */
export function mayQuote(node: ConfigNode, pointer: string): boolean {
  if (node.kind !== "scalar" || node.fromEnvironment || node.source.kind === "secret-file" || isSecretPointer(pointer))
    return false;
  return typeof node.value !== "string" || !node.value.includes("@");
}

/** Says what stands at a place, quoting it where that is safe. */
export function describeFound(node: ConfigNode, pointer: string): string {
  if (node.kind === "list") return node.items.length === 0 ? "an empty list" : "a list";
  if (node.kind === "map") return "a mapping";
  if (node.value === null) return "nothing";
  if (node.fromEnvironment) return "an unfit value from the environment";
  const isText = typeof node.value === "string";
  if (!mayQuote(node, pointer)) return isText ? "an unfit text" : `a ${typeof node.value}`;
  if (typeof node.value === "string") return quote(node.value);
  return typeof node.value === "number" ? `the number ${node.value}` : String(node.value);
}

/** Text in quotes on one line, cut where it is long. */
export const quote = (text: string): string => JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
