import { isGrpcType } from "./grpc-status.ts";
import type { Field } from "./hpack-table.ts";

/** What the headers of a request say. `malformed`: no HTTP/2 request at all; `not-grpc`: one that is answered with a plain status. */
export type RequestHead =
  | { readonly kind: "call"; readonly method: string; readonly timeMs: number | undefined }
  | { readonly kind: "not-grpc"; readonly status: string }
  | { readonly kind: "malformed" };

/** Reads the headers of a call (RFC 9113 section 8.3, gRPC over HTTP/2). */
export function requestHead(fields: readonly Field[]): RequestHead {
  const pseudo = new Map<string, string>();
  let contentType = "";
  let timeout: string | undefined;
  let isRegular = false;
  for (const [name, value] of fields) {
    if (NO_VALUE.test(value)) return { kind: "malformed" };
    if (name.startsWith(":")) {
      if (isRegular || pseudo.has(name) || !REQUEST_PSEUDO.has(name)) return { kind: "malformed" };
      pseudo.set(name, value);
      continue;
    }
    isRegular = true;
    if (!FIELD_NAME.test(name) || CONNECTION_FIELDS.has(name)) return { kind: "malformed" };
    if (name === "te" && value !== "trailers") return { kind: "malformed" };
    if (name === "content-type") contentType = value;
    else if (name === "grpc-timeout") timeout = value;
  }
  const path = pseudo.get(":path");
  if (path === undefined || pseudo.get(":scheme") === undefined) return { kind: "malformed" };
  if (pseudo.get(":method") !== "POST") return { kind: "not-grpc", status: "405" };
  if (!isGrpcType(contentType)) return { kind: "not-grpc", status: "415" };
  return { kind: "call", method: path, timeMs: timeout === undefined ? undefined : timeoutMs(timeout) };
}

const REQUEST_PSEUDO = new Set([":method", ":scheme", ":path", ":authority"]);

/** RFC 9113 section 8.2.1: names are tokens of HTTP in lower case; line ends in a value would become fields of their own elsewhere. */
const FIELD_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const NO_VALUE = /[\0\r\n]/;

/** RFC 9113 section 8.2.2: they mean something to one connection of HTTP/1.1 only. */
const CONNECTION_FIELDS = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };

/** Milliseconds of a `grpc-timeout`; one that cannot be read leaves no time. */
function timeoutMs(text: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? 0 : Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? 0);
}
