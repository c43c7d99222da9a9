import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A message with fields this contract does not have, in every wire type that is still in use (RFC.md §11). */
export function withUnknownFields(message: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  writer.raw(message);
  writer.tag(15_000, WireType.Varint).uint64(1n << 60n);
  writer.tag(15_001, WireType.LengthDelimited).string("a field of a newer contract");
  writer.tag(15_002, WireType.Bit32).fixed32(7);
  writer.tag(15_003, WireType.Bit64).fixed64(7n);
  return writer.finish();
}
