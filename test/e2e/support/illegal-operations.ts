import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { json } from "./scripted.ts";

/** Sets a field to what a JSON text says. */
export const set = (path: string, value: string): PatchOperation => ({ op: "add", path, value: json(value) });
/** Sets a request header. */
export const header = (name: string, value = '"x"'): PatchOperation => set(`/request/headers/${name}`, value);
/** Moves or copies a field into a request header. */
export const from = (op: "move" | "copy", source: string): PatchOperation => ({ op, from: source, path: "/request/headers/x-a" });

/** Operations no grant allows, on a request whose binding asked to write everything it may ask for. */
export const ILLEGAL: readonly (readonly [what: string, operation: PatchOperation])[] = [
  ["writes a hidden header, authorization", header("authorization")],
  ["removes a hidden header", { op: "remove", path: "/request/headers/authorization" }],
  ["writes a hidden header, x-api-key", header("x-api-key")],
  ["writes a hidden header in another spelling", header("x_api_key")],
  ["moves from a hidden field", from("move", "/request/headers/authorization")],
  ["copies from a hidden field", from("copy", "/request/headers/authorization")],
  ["tests a hidden field", { op: "test", path: "/request/headers/authorization", value: "Bearer canary-credential" }],
  ["copies from a field it was not shown", from("copy", "/client/address")],
  ["tests a field it was not shown", { op: "test", path: "/request/host", value: "gateway.test" }],
  ...["content-length", "transfer-encoding", "content-encoding", "connection", "te", "upgrade", "host", "expect"].map(
    (name) => [`writes ${name}`, header(name)] as const,
  ),
  ...[
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "forwarded",
    "x-forwarded-for",
    "x-real-ip",
    "via",
    "sallyport-a",
  ].map((name) => [`writes ${name}, which is the gateway's`, header(name)] as const),
  ["writes a header another binding owns", header("x-owned")],
  ["writes /request/host", set("/request/host", '"elsewhere.test"')],
  ["writes /request/id", set("/request/id", '"mine"')],
  ["writes /request/scheme", set("/request/scheme", '"https"')],
  ["writes /principal/id", set("/principal/id", '"root"')],
  ["writes /tenant/id", set("/tenant/id", '"root"')],
  ["writes /route/name", set("/route/name", '"open"')],
  ["writes /client/address", set("/client/address", '"10.0.0.1"')],
  ["writes the response at pre-route", set("/response/status", "200")],
  ["replaces a whole container", set("/request/headers", "{}")],
  ["replaces everything", set("", "{}")],
  ["writes below a header's __proto__", header("__proto__/x")],
  ["writes a header named __proto__", header("__proto__")],
  ["writes a label named constructor", set("/labels/constructor", '"x"')],
  ["writes /request/body/__proto__/x", set("/request/body/__proto__/x", "1")],
  ["writes /request/body/list/-1", set("/request/body/list/-1", "1")],
  ["writes /request/body/list/00", set("/request/body/list/00", "1")],
  ["writes /request/body/list/length", set("/request/body/list/length", "0")],
  ["writes past the end of a list", set("/request/body/list/3", "1")],
  ["puts CR and LF into a header value", header("x-b", '"a\\r\\nx-smuggled: yes"')],
  ["puts LF into a header value", header("x-b", '"a\\nb"')],
  ["puts NUL into a header value", header("x-b", '"a\\u0000b"')],
  ["writes a header name with a space", header("x b")],
  ["writes a header name in upper case", header("X-B")],
  ["writes a header value above U+00FF", header("x-b", '"\u20ac"')],
  ["writes a number as a header", header("x-b", "1")],
  ["writes a path with a query", set("/request/path", '"/closed/a?b=1"')],
  ["writes a path with a fragment", set("/request/path", '"/closed/a#b"')],
  ["writes a path that is not normal", set("/request/path", '"/closed/b/../a"')],
  ["writes a method that is none", set("/request/method", '"get it"')],
  ["writes a label with a control character", set("/labels/a", '"a\\u0007"')],
  ["removes what is not there", { op: "remove", path: "/request/headers/x-absent" }],
  ["tests for another value", { op: "test", path: "/request/headers/x-a", value: "other" }],
  ["names no field", set("/nonsense", "1")],
  ["writes a pointer that is none", set("request/headers/x-b", '"x"')],
];
