import { llhttp, MAX_HEADER_BYTES, trimmedValues, type LlhttpBinding, type LlhttpParser } from "../llhttp.ts";
import type { ResponseCase } from "./generate.ts";
import type { Reading } from "./reading.ts";

const RESOURCE = {};

/** Reads cases with llhttp, set as Node's own HTTP client sets it, without leniency. */
export function llhttpReader(): (response: ResponseCase) => Reading {
  const binding = llhttp();
  const parser = new binding();
  return (response) => read(binding, parser, response);
}

function read(binding: LlhttpBinding, parser: LlhttpParser, { method, bytes, closes }: ResponseCase): Reading {
  let status: number | undefined;
  let lines: string[] = [];
  let body = "";
  let ended = false;
  let keepsAlive = false;
  let begunBehind = false;
  parser.initialize(binding.RESPONSE, RESOURCE, MAX_HEADER_BYTES, binding.kLenientNone);
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
