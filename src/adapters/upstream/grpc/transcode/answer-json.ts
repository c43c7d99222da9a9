import { fromBinary, toJson, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { HeaderLines } from "../../../../model/header-lines.ts";
import type { MessageRoom } from "../../../../ports/upstream.ts";
import type { Api, ApiCall } from "./api.ts";
import { wireValues } from "./wire-values.ts";

/** Largest message either way, bytes: what gRPC's own implementations take unless told otherwise. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** Most values of one message either way, so that nobody holds up the process with one: 4 MiB can have two million of them. */
export const MAX_MESSAGE_VALUES = 131_072;

/** How a call is said: as HTTP and JSON, or as a unary call of Connect. */
export type CallForm = "http" | "connect-json" | "connect-proto";

/** What an answer is made for. */
export interface AnswerTerms {
  readonly call: ApiCall;
  readonly api: Api;
  readonly form: CallForm;
  /** Where what is held of it has its room; undefined: nobody counts. */
  readonly room: MessageRoom | undefined;
}

/** A message of the answer as JSON; undefined where it is none of its type. */
export function messageJson(bytes: Uint8Array, terms: AnswerTerms): string | undefined {
  const message = decodeMessage(bytes, terms);
  return message && decodedJson(message, terms);
}

/** A message of the answer; undefined where it is none of its type, or has too many values. */
export function decodeMessage(
  bytes: Uint8Array,
  { call: { method }, api: { registry } }: Pick<AnswerTerms, "call" | "api">,
): MessageShape<DescMessage> | undefined {
  const values = wireValues(bytes, method.output, { max: MAX_MESSAGE_VALUES, registry });
  if (values === undefined || values > MAX_MESSAGE_VALUES) return undefined;
  try {
    return fromBinary(method.output, bytes);
  } catch {
    return undefined;
  }
}

/** A message of the answer as JSON, or the field of it that is the answer; undefined where it has no JSON: an `Any` of an unknown type, say. */
export function decodedJson(message: MessageShape<DescMessage>, { call, api }: AnswerTerms): string | undefined {
  const { output } = call.method;
  const { registry } = api;
  try {
    const json = toJson(output, message, { registry });
    const field = output.fields.find(({ name }) => name === call.rule.responseBody);
    if (field === undefined) return JSON.stringify(json);
    const memberOf = (value: unknown): unknown => Reflect.get(Object(value), field.jsonName);
    // what has its usual value is left out of a message, and is the whole of this one
    return JSON.stringify(memberOf(json) ?? memberOf(toJson(output, message, { registry, alwaysEmitImplicit: true })) ?? null);
  } catch {
    return undefined;
  }
}

/** The call's metadata, and what the body is. */
export const jsonHeaders = (headers: HeaderLines, contentType: string): HeaderLines =>
  headers.derive(isMetadata, ["content-type", contentType]);

/** Neither about a body that becomes another one, nor gRPC's own. */
export const isMetadata = (name: string): boolean => !ABOUT_BODY.has(name) && !name.startsWith("grpc-");

const ABOUT_BODY: ReadonlySet<string> = new Set([
  ...["accept", "accept-encoding", "content-encoding", "content-length", "content-type", "content-md5", "digest", "range"],
  ...["content-digest", "repr-digest", "te"],
]);
