import { formatGrpcTimeout } from "../../../../model/grpc.ts";
import { parseConnectTimeout } from "../../../../model/connect.ts";
import type { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";

/** The fields by which each form of Connect says how messages are coded. */
export interface CodingFields {
  readonly coding: "content-encoding" | "connect-content-encoding";
  readonly accepted: "accept-encoding" | "connect-accept-encoding";
}

/** Of a call with one message each way. */
export const UNARY_FIELDS: CodingFields = { coding: "content-encoding", accepted: "accept-encoding" };

/** Of streams. */
export const STREAM_FIELDS: CodingFields = { coding: "connect-content-encoding", accepted: "connect-accept-encoding" };

/** A call's fields as gRPC has them, and how its messages are coded; undefined: they are not. */
export interface GrpcFields {
  readonly headers: HeaderLines;
  readonly coding: string | undefined;
}

/** The request's fields as gRPC's. A coding that is no single name is refused: nobody would know what the messages are. */
export function toGrpcFields(headers: HeaderLines, codec: string, fields: CodingFields): Result<GrpcFields, UpstreamFailure> {
  const coding = codingOf(headers, fields.coding);
  if (coding === null) return err(NO_CODING);
  const added = ["content-type", `application/grpc+${codec}`, "grpc-accept-encoding", acceptedOf(headers, fields.accepted)];
  if (coding !== undefined) added.push("grpc-encoding", coding);
  const timeoutMs = parseConnectTimeout(headers.first("connect-timeout-ms") ?? "");
  if (timeoutMs !== undefined) added.push("grpc-timeout", formatGrpcTimeout(timeoutMs));
  return ok({ headers: headers.derive(isCallMetadata, added), coding });
}

/** The response's fields as Connect's, without those that say how the call went. */
export const toConnectFields = (headers: HeaderLines, added: readonly string[]): HeaderLines =>
  headers.derive(isCallMetadata, added);

/** Metadata of a call's end, as a stream of Connect says it. */
export function endMetadata(trailers: HeaderLines): ReadonlyMap<string, readonly string[]> {
  const metadata = new Map<string, readonly string[]>();
  trailers.each((name) => {
    if (isEndMetadata(name)) metadata.set(name, trailers.lines(name));
  });
  return metadata;
}

/** The same as a unary call has it: fields of the head under names of their own. */
export function trailerFields(trailers: HeaderLines): readonly string[] {
  const raw: string[] = [];
  trailers.each((name, value) => {
    if (isEndMetadata(name)) raw.push(`trailer-${name}`, value);
  });
  return raw;
}

/** Undefined: none; null: more than one, or no name. */
function codingOf(headers: HeaderLines, field: string): string | undefined | null {
  const lines = headers.lines(field);
  if (lines.length === 0) return undefined;
  const name = lines[0]?.trim().toLowerCase() ?? "";
  if (lines.length > 1 || !/^[a-z0-9-]{1,32}$/.test(name)) return null;
  return name === "identity" ? undefined : name;
}

/** Names of codings, without what is not wanted at all (`q=0`) and without weights, which gRPC does not have. */
function acceptedOf(headers: HeaderLines, field: string): string {
  const names = (headers.joined(field) ?? "").split(",").flatMap((part) => {
    const [name = "", ...terms] = part.split(";").map((text) => text.trim().toLowerCase());
    return /^[a-z0-9-]{1,32}$/.test(name) && !terms.some((term) => /^q=0(?:\.0*)?$/.test(term)) ? [name] : [];
  });
  return names.length === 0 ? "identity" : names.join(",");
}

/** Neither about a body that becomes another one, nor the protocols' own. */
const isCallMetadata = (name: string): boolean =>
  !ABOUT_BODY.has(name) && !name.startsWith("grpc-") && !name.startsWith("connect-") && !name.startsWith("if-");

const isEndMetadata = (name: string): boolean => isCallMetadata(name) && !name.startsWith("trailer-") && !OF_SERVERS.has(name);

const ABOUT_BODY: ReadonlySet<string> = new Set([
  ...["accept", "accept-encoding", "content-encoding", "content-length", "content-type", "content-md5", "digest", "range"],
  ...["content-digest", "repr-digest", "te", "trailer"],
]);

/** Where a call ended with its head, these are not of the call. */
const OF_SERVERS: ReadonlySet<string> = new Set(["date", "server", "via"]);

const NO_CODING: UpstreamFailure = {
  problem: "body_unsupported",
  cause: "no single coding",
  detail: "The messages of a call have one coding, or none.",
};
