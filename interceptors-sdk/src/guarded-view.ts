import { formatPointer } from "@sallyport/contract/json-pointer.ts";
import { UndeclaredReadError, WithheldFieldError } from "./errors.ts";
import type { CompiledBinding } from "./interceptor.ts";
import type { Level, Member } from "./view-tree.ts";

/**
 * A view as `review` is handed it: read-only, only declared fields on it. Reading any other throws
 * `UndeclaredReadError`, a declared one that was left out by the grant `WithheldFieldError`: plain JavaScript has no
 * types that would have stopped it, and `undefined` would be judged as "not there".
 */
export const guardedView = (root: Level, reader: CompiledBinding): object => new Guard(root, [], reader).shown;

type Properties = Record<string, unknown>;

/**
 * Behind every level: no names, because every name, "__proto__" included, is the client's, but what Node prints, which looks behind a proxy
 * and would find nothing there.
 */
const SHOWN_WHOLE: object = Object.freeze(
  Object.create(null, {
    [Symbol.for("nodejs.util.inspect.custom")]: {
      value(this: object): object {
        return Object.create(null, Object.getOwnPropertyDescriptors(this));
      },
    },
  }),
);

/** One level of a view. What is never read is never made: reviews read a few fields of many. */
class Guard implements ProxyHandler<Properties> {
  readonly shown: Properties;
  readonly #level: Level;
  readonly #tokens: readonly string[];
  readonly #reader: CompiledBinding;
  /** Whether all below is declared. */
  readonly #isWhole: boolean;
  /** The levels below that were read: the same object each time. */
  #below: Map<string, Properties> | undefined;

  constructor(level: Level, tokens: readonly string[], reader: CompiledBinding) {
    this.#level = level;
    this.#tokens = tokens;
    this.#reader = reader;
    this.#isWhole = reader.needs.covers(tokens);
    this.shown = new Proxy<Properties>(Object.create(SHOWN_WHOLE), this);
  }

  get(_target: Properties, name: string | symbol): unknown {
    if (typeof name === "symbol") return undefined;
    const member = this.#member(name);
    return member === undefined ? this.#missing(name) : this.#valueOf(name, member);
  }

  has(_target: Properties, name: string | symbol): boolean {
    if (typeof name === "symbol") return false;
    if (this.#member(name) !== undefined) return true;
    this.#missing(name);
    return false;
  }

  getOwnPropertyDescriptor(target: Properties, name: string | symbol): PropertyDescriptor | undefined {
    if (typeof name === "string" && this.#member(name) === undefined) this.#missing(name);
    return Object.getOwnPropertyDescriptor(this.#filled(target), name);
  }

  ownKeys(target: Properties): (string | symbol)[] {
    return Reflect.ownKeys(this.#filled(target));
  }

  isExtensible(target: Properties): boolean {
    return Object.isExtensible(this.#filled(target));
  }

  preventExtensions(target: Properties): boolean {
    this.#filled(target);
    return true;
  }

  set(): boolean {
    return refuseChange();
  }

  defineProperty(): boolean {
    return refuseChange();
  }

  deleteProperty(): boolean {
    return refuseChange();
  }

  setPrototypeOf(): boolean {
    return false;
  }

  /** What was sent and is declared under a name. */
  #member(name: string): Member | undefined {
    const member = this.#level.members.get(name);
    if (member === undefined || this.#isWhole) return member;
    return this.#reader.needs.touchesTokens([...this.#tokens, name]) ? member : undefined;
  }

  #valueOf(name: string, member: Member): unknown {
    switch (member.kind) {
      case "value":
        return member.value;
      case "lazy":
        return member.read();
      case "level":
        return this.#levelBelow(name, member);
      default:
        return member satisfies never;
    }
  }

  #levelBelow(name: string, level: Level): Properties {
    this.#below ??= new Map();
    const known = this.#below.get(name);
    if (known !== undefined) return known;
    const { shown } = new Guard(level, [...this.#tokens, name], this.#reader);
    this.#below.set(name, shown);
    return shown;
  }

  /** The object behind, made whole for those who look at all of it. */
  #filled(target: Properties): Properties {
    if (Object.isFrozen(target)) return target;
    for (const name of this.#level.members.keys()) {
      const member = this.#member(name);
      if (member === undefined) continue;
      const property = member.kind === "lazy" ? { get: () => member.read() } : { value: this.#valueOf(name, member) };
      Object.defineProperty(target, name, { enumerable: true, ...property });
    }
    return Object.freeze(target);
  }

  /** What a name that was not sent reads as; throws when it may not be read at all. */
  #missing(name: string): unknown {
    // asked by `await` and JSON.stringify of every object; no field of a view is called so
    if (name === "then" || name === "toJSON") return undefined;
    const wanted = [...this.#tokens, name];
    const pointer = formatPointer(wanted);
    const who = `"${this.#reader.id}"`;
    if (wanted[1] === "headers" && wanted.length > 2 && name !== name.toLowerCase()) throw notLowerCase(who, pointer);
    if (!this.#reader.needs.touchesTokens(wanted)) throw new UndeclaredReadError(who, pointer);
    if (this.#level.absent === "empty-list") return NO_VALUES;
    if (this.#level.absent === "undefined" || this.#reader.binding.mode === "observe") return undefined;
    throw new WithheldFieldError(who, pointer);
  }
}

const notLowerCase = (who: string, pointer: string): UndeclaredReadError =>
  new UndeclaredReadError(who, pointer, `header names are lower case, read and need "${pointer.toLowerCase()}"`);

function refuseChange(): never {
  throw new TypeError("a view is read-only: an exchange is changed by what review returns, allow().setHeader(…) and the like");
}

const NO_VALUES: readonly string[] = Object.freeze([]);
