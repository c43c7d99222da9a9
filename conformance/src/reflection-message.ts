import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The method of server reflection, in both of its versions. */
export const REFLECTION = [
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
] as const;

/** A ServerReflectionRequest: `string list_services = 7`. */
export const LIST_SERVICES: Uint8Array = new BinaryWriter().tag(7, WireType.LengthDelimited).string("*").finish();

/** Names in `ListServiceResponse list_services_response = 6` (`repeated { string name = 1 } service = 1`); none for other bytes. */
export function listedServices(bytes: Uint8Array): readonly string[] {
  try {
    const decoder = new TextDecoder();
    return fieldsOf(bytes, 6)
      .flatMap((list) => fieldsOf(list, 1))
      .flatMap((service) => fieldsOf(service, 1))
      .map((name) => decoder.decode(name));
  } catch {
    return [];
  }
}

function fieldsOf(bytes: Uint8Array, wanted: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === wanted && wireType === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(wireType);
  }
  return found;
}
