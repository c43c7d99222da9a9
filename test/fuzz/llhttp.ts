import { createRequire } from "node:module";

/** As much of Node's binding to llhttp as is used here. It is not documented; `node:http` is the documented way to it, and 20 times slower. */
export interface LlhttpParser {
  initialize(type: number, resource: object, maxHeaderBytes: number, leniency: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  [callback: number]: (...args: never) => number | void;
}

/** The parser's class, with the numbers it goes by. */
export interface LlhttpBinding {
  new (): LlhttpParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnMessageBegin: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kLenientNone: number;
}

/** Node's own copy of llhttp. */
export function llhttp(): LlhttpBinding {
  // the shape is the binding's, checked by the tests that use it
  return (createRequire(import.meta.url)("node:_http_common") as { readonly HTTPParser: LlhttpBinding }).HTTPParser;
}

/** What a parser is set to where it stops by size. */
export const MAX_HEADER_BYTES = 1024 * 1024;

/** Names and values without the white space llhttp leaves behind values. Not with `trim`: to HTTP, U+00A0 is none. */
export const trimmedValues = (lines: readonly string[]): readonly string[] =>
  lines.map((line, i) => (i % 2 === 1 ? trimmed(line) : line));

const trimmed = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, "");
