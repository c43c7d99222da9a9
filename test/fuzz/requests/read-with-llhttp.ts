import { METHODS } from "node:http";
import { llhttp, MAX_HEADER_BYTES, trimmedValues, type LlhttpBinding, type LlhttpParser } from "../llhttp.ts";
import type { GrowingRequest, Reading } from "./reading.ts";

const RESOURCE = {};

/** Reads connections' bytes with llhttp, set as Node's own HTTP server sets it, without leniency. */
export function llhttpReader(): (bytes: Buffer) => Reading {
  const binding = llhttp();
  const parser = new binding();
  const names = methodNames(binding, parser);
  return (bytes) => read({ binding, parser, names }, bytes);
}

interface Llhttp {
  readonly binding: LlhttpBinding;
  readonly parser: LlhttpParser;
  /** By the numbers llhttp tells. */
  readonly names: ReadonlyMap<number, string>;
}

function read({ binding, parser, names }: Llhttp, bytes: Buffer): Reading {
  const requests: GrowingRequest[] = [];
  let early: string[] = [];
  let keepsAlive = true;
  let within = false;
  parser.initialize(binding.REQUEST, RESOURCE, MAX_HEADER_BYTES, binding.kLenientNone);
  parser[binding.kOnMessageBegin] = (): void => {
    within = true;
  };
  // more lines than one call tells; behind a head: trailers
  let isHead = true;
  parser[binding.kOnHeaders] = (raw: string[], url: string): void => {
    if (!isHead) return;
    early.push(...raw);
    if (url !== "") earlyUrl = url;
  };
  let earlyUrl = "";
  parser[binding.kOnHeadersComplete] = (
    _major: number,
    minor: number,
    raw: string[] | undefined,
    method: number,
    url: string | undefined,
    _code: number,
    _reason: string,
    _upgrade: boolean,
    shouldKeepAlive: boolean,
  ): number => {
    const lines = trimmedValues([...early, ...(raw ?? [])]);
    const requestTarget = url ?? earlyUrl;
    requests.push({ method: names.get(method) ?? `#${method}`, requestTarget, minor, lines, body: "", ended: false });
    early = [];
    earlyUrl = "";
    isHead = false;
    keepsAlive = shouldKeepAlive;
    return 0;
  };
  parser[binding.kOnBody] = (piece: Buffer): void => {
    const last = requests.at(-1);
    if (last !== undefined) last.body += piece.toString("latin1");
  };
  parser[binding.kOnMessageComplete] = (): void => {
    const last = requests.at(-1);
    if (last !== undefined) last.ended = true;
    within = false;
    isHead = true;
  };
  const executed = parser.execute(bytes);
  const fault = executed instanceof Error ? executed : undefined;
  return {
    requests,
    goesOn: keepsAlive && !within && fault === undefined,
    fault: fault === undefined ? undefined : `${(fault as { readonly code?: string }).code ?? ""} ${fault.message}`, // Node adds a code
  };
}

function methodNames(binding: LlhttpBinding, parser: LlhttpParser): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const name of METHODS) {
    parser.initialize(binding.REQUEST, RESOURCE, MAX_HEADER_BYTES, binding.kLenientNone);
    parser[binding.kOnHeadersComplete] = (_major: number, _minor: number, _raw: unknown, method: number): number => {
      names.set(method, name);
      return 0;
    };
    parser.execute(Buffer.from(`${name} ${name === "CONNECT" ? "a:1" : "/"} HTTP/1.1\r\nHost: a\r\n\r\n`));
  }
  return names;
}
