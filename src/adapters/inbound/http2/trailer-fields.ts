import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { HeaderLines } from "../../../model/header-lines.ts";
import { isHeaderName, isHeaderValue } from "../../../model/header-text.ts";

/** Trailers as Node takes them; what is not writable is left out. */
export function trailerFields(trailers: HeaderLines | undefined): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  for (const name of trailers?.names() ?? []) {
    const values = trailers?.lines(name).filter(isHeaderValue) ?? [];
    if (isHeaderName(name) && name !== "__proto__" && values.length > 0) fields[name] = [...values];
  }
  return fields;
}

/** A request's trailers as Node tells them; undefined where none is legal. Order among names is lost, which nothing depends on. */
export function readTrailers(fields: IncomingHttpHeaders): HeaderLines | undefined {
  const raw: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    for (const line of value === undefined ? [] : [value].flat())
      if (isHeaderName(name) && isHeaderValue(line)) raw.push(name, line);
  }
  return raw.length === 0 ? undefined : HeaderLines.fromRaw(raw);
}
