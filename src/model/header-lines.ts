import { joinLines } from "@sallyport/contract/header-text.ts";

/**
 * The header lines of one message: order, repetition and spelling as they arrived. Immutable; `with` and `without` give a new one.
 * Names are looked up in lower case.
 */
export class HeaderLines {
  static readonly EMPTY = new HeaderLines([], []);

  /** Lower-case name of each line. */
  readonly #names: readonly string[];
  /** Name as written and value, alternating: the form Node's own modules use. */
  readonly #raw: readonly string[];

  private constructor(names: readonly string[], raw: readonly string[]) {
    this.#names = names;
    this.#raw = raw;
  }

  /** From alternating names and values. */
  static fromRaw(raw: readonly string[]): HeaderLines {
    const names: string[] = [];
    for (let i = 0; i < raw.length; i += 2) names.push((raw[i] ?? "").toLowerCase());
    return new HeaderLines(names, raw);
  }

  /** From pairs; for answers the gateway makes itself. */
  static of(...lines: readonly (readonly [name: string, value: string])[]): HeaderLines {
    return HeaderLines.fromRaw(lines.flat());
  }

  /** How many lines there are. */
  get size(): number {
    return this.#names.length;
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
    for (let i = 0; i < this.#names.length; i += 1)
      visit(this.#names[i] ?? "", this.#raw[i * 2 + 1] ?? "", this.#raw[i * 2] ?? "");
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
    return new HeaderLines(names, raw);
  }

  /** Adds a line at the end. */
  append(name: string, value: string): HeaderLines {
    return new HeaderLines([...this.#names, name.toLowerCase()], [...this.#raw, name, value]);
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
    return new HeaderLines(names, raw);
  }

  /** Names as written and values, alternating. */
  toRaw(): readonly string[] {
    return this.#raw;
  }
}
