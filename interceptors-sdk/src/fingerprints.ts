import { type Json, RawNumber } from "@sallyport/contract/json.ts";

/**
 * Texts by which equal JSON values are found. They are a guess: numbers count as doubles, members in order. Whoever
 * pairs values by them compares the pairs afterwards.
 */
export class Fingerprints {
  readonly #known = new WeakMap<object, string>();

  of(json: Json): string {
    if (json instanceof RawNumber) return String(Number(json.text));
    if (json === null || typeof json !== "object") return JSON.stringify(json);
    const known = this.#known.get(json);
    if (known !== undefined) return known;
    const print = Array.isArray(json)
      ? `[${json.map((item: Json) => this.of(item)).join()}]`
      : `{${[...json.entries()].map(([name, value]) => `${JSON.stringify(name)}:${this.of(value)}`).join()}}`;
    this.#known.set(json, print);
    return print;
  }
}
