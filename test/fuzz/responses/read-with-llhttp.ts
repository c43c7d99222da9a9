import { createRequire } from "node:module";
import type { ResponseCase } from "./generate.ts";
import type { Reading } from "./reading.ts";

/** As much of Node's binding to llhttp as is used here. It is not documented; `node:http` is the documented way to it, and 20 times slower. */
interface LlhttpParser {
  initialize(type: number, resource: object, maxHeaderBytes: number, leniency: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  [callback: number]: (...args: never) => number | void;
}

interface LlhttpBinding {
  new (): LlhttpParser;
  readonly RESPONSE: number;
  readonly kOnMessageBegin: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kLenientNone: number;
}

const RESOURCE = {};

/** Reads cases with llhttp, set as Node's own HTTP client sets it, without leniency. */
export function llhttpReader(): (response: ResponseCase) => Reading {
  // the shape is the binding's, checked by the tests that use it
  const { HTTPParser } = createRequire(import.meta.url)("node:_http_common") as { readonly HTTPParser: LlhttpBinding };
  const parser = new HTTPParser();
  return (response) => read(HTTPParser, parser, response);
}

function read(binding: LlhttpBinding, parser: LlhttpParser, { method, bytes, closes }: ResponseCase): Reading {
  let status: number | undefined;
  let lines: string[] = [];
  let body = "";
  let ended = false;
  let keepsAlive = false;
  let begunBehind = false;
  parser.initialize(binding.RESPONSE, RESOURCE, 1024 * 1024, binding.kLenientNone);
  parser[binding.kOnMessageBegin] = (): void => {
    if (ended) begunBehind = true;
  };
  parser[binding.kOnHeaders] = (raw: string[]): void => {
    if (status === undefined) lines.push(...raw);
  };
  parser[binding.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    raw: string[] | undefined,
    _method: unknown,
    _url: unknown,
    code: number,
    _reason: string,
    _upgrade: boolean,
    shouldKeepAlive: boolean,
  ): number => {
    if (ended) return 0;
    if (code >= 100 && code < 200 && code !== 101) {
      lines = [];
      return 1;
    }
    status = code;
    lines.push(...(raw ?? []));
    keepsAlive = shouldKeepAlive;
    return method === "HEAD" ? 1 : 0;
  };
  parser[binding.kOnBody] = (piece: Buffer): void => {
    if (!ended) body += piece.toString("latin1");
  };
  parser[binding.kOnMessageComplete] = (): void => {
    if (status !== undefined) ended = true;
  };
  const executed = parser.execute(bytes);
  const endedByBytes = ended;
  const finished = closes && !(executed instanceof Error) ? parser.finish() : undefined;
  const fault = executed instanceof Error ? executed : finished instanceof Error ? finished : undefined;
  return {
    status,
    lines: trimmedValues(lines),
    body,
    ended,
    reusable: ended && endedByBytes && keepsAlive && !begunBehind && !(executed instanceof Error),
    fault: fault === undefined ? undefined : `${(fault as { readonly code?: string }).code ?? ""} ${fault.message}`, // Node adds a code
  };
}

/** Names and values without the white space llhttp leaves behind values. Not with `trim`: to HTTP, U+00A0 is none. */
export const trimmedValues = (lines: readonly string[]): readonly string[] =>
  lines.map((line, i) => (i % 2 === 1 ? trimmed(line) : line));

const trimmed = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, "");
