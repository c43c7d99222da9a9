import { fromBinary, toJson, type JsonValue, type Registry } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { AnySchema, type Any } from "@bufbuild/protobuf/wkt";

/** Bytes of a whole `google.rpc.Status` that are read; a larger one has no details. */
const MAX_STATUS_BYTES = 32 * 1024;

/** Details that are told; the others are left out. */
const MAX_DETAILS = 32;

/** Characters one detail may have as JSON; a longer one is told as its bytes. */
const MAX_DETAIL_TEXT = 64 * 1024;

/** The details a call ended with, `grpc-status-details-bin` as it stands in its field: none where it cannot be read, or speaks of another code than the call did. */
export function statusDetails(text: string | undefined, code: number): readonly Any[] {
  if (text === undefined || text.length > (MAX_STATUS_BYTES / 3) * 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return [];
  try {
    const status = readStatus(Buffer.from(text, "base64"));
    return status.code === code ? status.details.slice(0, MAX_DETAILS).map((bytes) => fromBinary(AnySchema, bytes)) : [];
  } catch {
    return [];
  }
}

/** `message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }` of google.rpc. */
function readStatus(bytes: Uint8Array): { readonly code: number; readonly details: readonly Uint8Array[] } {
  const reader = new BinaryReader(bytes);
  let code = 0;
  const details: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.Varint) code = reader.int32();
    else if (field === 3 && wireType === WireType.LengthDelimited) details.push(reader.bytes());
    else reader.skip(wireType);
  }
  return { code, details };
}

/** A detail as protobuf-JSON with its `@type`; where the type is not among the known ones, its bytes in base64 as `value`. */
export function detailJson(detail: Any, registry: Registry): JsonValue {
  try {
    const json = toJson(AnySchema, detail, { registry });
    if (JSON.stringify(json).length <= MAX_DETAIL_TEXT) return json;
  } catch {
    // a type nobody described, or bytes that are none of it
  }
  return { "@type": detail.typeUrl, value: Buffer.from(detail.value).toString("base64") };
}
