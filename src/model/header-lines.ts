import { isHeaderName, isHeaderValue, joinLines } from "@sallyport/contract/header-text.ts";

/** Lines somebody has judged one by one. */
export interface JudgedLines {
  /** Lower-case name of each line. */
  readonly names: readonly string[];
  /** Name as written and value, alternating. */
  readonly raw: readonly string[];
  /** Every name is a token, every value can stand in one line. Whoever says so has looked at each of them. */
  readonly isWritable: boolean;
}

/**
 * The header lines of one message: order, repetition and spelling as they arrived. Immutable; `with`, `without` and `derive` give
 * a new one. Names are looked up in lower case.
 */
export class HeaderLines {
  static readonly EMPTY = new HeaderLines([], [], true);

  /** Lower-case name of each line; undefined until somebody asks. */
  #lowerNames: readonly string[] | undefined;
  /** Name as written and value, alternating: the form Node's own modules use. */
  readonly #raw: readonly string[];
  /** Undefined until somebody asks. */
  #isWritable: boolean | undefined;
  /** Undefined until somebody asks. */
  #hasRepeats: boolean | undefined;

  private constructor(names: readonly string[] | undefined, raw: readonly string[], isWritable: boolean | undefined) {
    this.#lowerNames = names;
    this.#raw = raw;
    this.#isWritable = isWritable;
  }

  /** From alternating names and values. */
  static fromRaw(raw: readonly string[]): HeaderLines {
    return new HeaderLines(undefined, raw, undefined);
  }

  /** From lines whose names are known in lower case already. */
  static judged({ names, raw, isWritable }: JudgedLines): HeaderLines {
    return new HeaderLines(names, raw, isWritable ? true : undefined);
  }

  /** From pairs; for answers the gateway makes itself. */
  static of(...lines: readonly (readonly [name: string, value: string])[]): HeaderLines {
    return HeaderLines.fromRaw(lines.flat());
  }

  /** How many lines there are. */
  get size(): number {
    return this.#raw.length / 2;
  }

  /** Whether every name is a token and every value can stand in one line, without white space around it. Looked at once. */
  get isWritable(): boolean {
    return (this.#isWritable ??= areWritable(this.#raw));
  }

  /** Whether some name has several lines. Looked at once. */
  get hasRepeats(): boolean {
    return (this.#hasRepeats ??= new Set(this.#names).size < this.size);
  }

  get #names(): readonly string[] {
    return (this.#lowerNames ??= lowerNames(this.#raw));
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** Value of the first line of that name. */
  first(name: string): string | undefined {
    const index = this.#names.indexOf(name);
    return index < 0 ? undefined : this.#raw[index * 2 + 1];
  }

  /** All values of that name, in order. */
  lines(name: string): readonly string[] {
    const values: string[] = [];
    for (let i = this.#names.indexOf(name); i >= 0; i = this.#names.indexOf(name, i + 1)) values.push(this.#raw[i * 2 + 1] ?? "");
    return values;
  }

  /** The value an interceptor is shown: several lines joined (C25). */
  joined(name: string): string | undefined {
    const first = this.#names.indexOf(name);
    if (first < 0) return undefined;
    if (this.#names.indexOf(name, first + 1) < 0) return this.#raw[first * 2 + 1];
    return joinLines(name, this.lines(name));
  }

  /** Visits every line in order. */
  each(visit: (name: string, value: string, writtenName: string) => void): void {
    const names = this.#names;
    for (let i = 0; i < names.length; i += 1) visit(names[i] ?? "", this.#raw[i * 2 + 1] ?? "", this.#raw[i * 2] ?? "");
  }

  /** Distinct lower-case names, in order of first appearance. */
  names(): ReadonlySet<string> {
    return new Set(this.#names);
  }

  /** Replaces all lines of `name`, in the place of the first; `undefined` or an empty list removes them. */
  with(name: string, values: readonly string[] | undefined): HeaderLines {
    const names: string[] = [];
    const raw: string[] = [];
    let pending = values;
    const place = (writtenName: string): void => {
      for (const value of pending ?? []) {
        names.push(name);
        raw.push(writtenName, value);
      }
      pending = undefined;
    };
    this.each((lineName, value, writtenName) => {
      if (lineName === name) return place(writtenName);
      names.push(lineName);
      raw.push(writtenName, value);
    });
    place(name);
    const isWritable = this.#isWritable === true && isWritableName(name) && (values ?? []).every(isHeaderValue);
    return new HeaderLines(names, raw, isWritable ? true : undefined);
  }

  /** Adds a line at the end. */
  append(name: string, value: string): HeaderLines {
    return new HeaderLines([...this.#names, name.toLowerCase()], [...this.#raw, name, value], undefined);
  }

  /** Drops every line whose lower-case name the predicate takes; itself where nothing is dropped. */
  without(drop: (name: string) => boolean): HeaderLines {
    if (!this.#names.some(drop)) return this;
    const names: string[] = [];
    const raw: string[] = [];
    this.each((name, value, writtenName) => {
      if (drop(name)) return;
      names.push(name);
      raw.push(writtenName, value);
    });
    return new HeaderLines(names, raw, this.#isWritable === true ? true : undefined);
  }

  /** The lines whose lower-case name `keep` takes, then `added`: alternating names, which must be in lower case, and values. */
  derive(keep: (name: string) => boolean, added: readonly string[]): HeaderLines {
    const known = this.#names;
    const names: string[] = [];
    const raw: string[] = [];
    for (let i = 0; i < known.length; i += 1) {
      const name = known[i] ?? "";
      if (!keep(name)) continue;
      names.push(name);
      raw.push(this.#raw[i * 2] ?? "", this.#raw[i * 2 + 1] ?? "");
    }
    for (let i = 0; i < added.length; i += 2) {
      const name = added[i] ?? "";
      names.push(name);
      raw.push(name, added[i + 1] ?? "");
    }
    // what was kept is not looked at again
    return new HeaderLines(names, raw, this.#isWritable === true && areWritable(added) ? true : undefined);
  }

  /** Names as written and values, alternating. */
  toRaw(): readonly string[] {
    return this.#raw;
  }
}

function lowerNames(raw: readonly string[]): readonly string[] {
  const names: string[] = [];
  for (let i = 0; i < raw.length; i += 2) names.push((raw[i] ?? "").toLowerCase());
  return names;
}

function areWritable(raw: readonly string[]): boolean {
  for (let i = 0; i < raw.length; i += 2) if (!isWritableName(raw[i] ?? "") || !isHeaderValue(raw[i + 1] ?? "")) return false;
  return true;
}

// first as it is: some letters beyond ASCII become ASCII in lower case
const isWritableName = (name: string): boolean => /^[\x21-\x7e]+$/.test(name) && isHeaderName(name.toLowerCase());
