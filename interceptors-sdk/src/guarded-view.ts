import { formatPointer } from "@sallyport/contract/json-pointer.ts";
import { UndeclaredReadError, WithheldFieldError } from "./errors.ts";
import type { CompiledBinding } from "./interceptor.ts";
import type { Level, Member } from "./view-tree.ts";

/**
 * A view as `review` is handed it: read-only, only declared fields on it. Reading any other throws
 * `UndeclaredReadError`, a declared one that was left out by the grant `WithheldFieldError`: plain JavaScript has no
 * types that would have stopped it, and `undefined` would be judged as "not there".
 */
export const guardedView = (root: Level, reader: CompiledBinding): object => guarded({ level: root, tokens: [], reader });

interface Place {
  readonly level: Level;
  readonly tokens: readonly string[];
  readonly reader: CompiledBinding;
}

function guarded(place: Place): object {
  const target = Object.freeze(ownProperties(place));
  return new Proxy(target, {
    get(_target, name) {
      if (typeof name === "symbol") return undefined;
      return Object.hasOwn(target, name) ? target[name] : missing(place, name);
    },
    has(_target, name) {
      if (typeof name === "string" && !Object.hasOwn(target, name)) missing(place, name);
      return Object.hasOwn(target, name);
    },
    getOwnPropertyDescriptor(_target, name) {
      if (typeof name === "string" && !Object.hasOwn(target, name)) missing(place, name);
      return Object.getOwnPropertyDescriptor(target, name);
    },
    set: refuseChange,
    defineProperty: refuseChange,
    deleteProperty: refuseChange,
  });
}

function ownProperties({ level, tokens, reader }: Place): Record<string, unknown> {
  // no prototype: every name, "__proto__" included, is the client's
  const properties: Record<string, unknown> = Object.create(null);
  for (const [name, member] of level.members) {
    const below = [...tokens, name];
    if (!reader.needs.touchesTokens(below)) continue;
    Object.defineProperty(properties, name, descriptorOf(member, { tokens: below, reader }));
  }
  return properties;
}

function descriptorOf(member: Member, at: Omit<Place, "level">): PropertyDescriptor {
  switch (member.kind) {
    case "value":
      return { enumerable: true, value: member.value };
    case "lazy":
      return { enumerable: true, get: () => member.read() };
    case "level":
      return { enumerable: true, value: guarded({ level: member, ...at }) };
    default:
      return member satisfies never;
  }
}

/** What a name that was not sent reads as; throws when it may not be read at all. */
function missing({ level, tokens, reader }: Place, name: string): unknown {
  // asked by `await` and JSON.stringify of every object; no field of a view is called so
  if (name === "then" || name === "toJSON") return undefined;
  const wanted = [...tokens, name];
  const pointer = formatPointer(wanted);
  const who = `"${reader.id}"`;
  if (tokens[1] === "headers" && name !== name.toLowerCase()) throw notLowerCase(who, pointer);
  if (!reader.needs.touchesTokens(wanted)) throw new UndeclaredReadError(who, pointer);
  if (level.absent === "empty-list") return NO_VALUES;
  if (level.absent === "undefined" || reader.binding.mode === "observe") return undefined;
  throw new WithheldFieldError(who, pointer);
}

const notLowerCase = (who: string, pointer: string): UndeclaredReadError =>
  new UndeclaredReadError(who, pointer, `header names are lower case, read and need "${pointer.toLowerCase()}"`);

function refuseChange(): never {
  throw new TypeError("a view is read-only: an exchange is changed by what review returns, allow().setHeader(…) and the like");
}

const NO_VALUES: readonly string[] = Object.freeze([]);
