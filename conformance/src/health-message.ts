import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Methods of grpc.health.v1. Its two messages have one field each, so they are written by hand. */
export const HEALTH = { check: "/grpc.health.v1.Health/Check", watch: "/grpc.health.v1.Health/Watch" } as const;

/** Values of `ServingStatus`. */
export const SERVING = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const;

/** `string service = 1` of a HealthCheckRequest; the empty name is the server as a whole. */
export function encodeHealthRequest(service: string): Uint8Array {
  const writer = new BinaryWriter();
  return service === "" ? writer.finish() : writer.uint32(10).string(service).finish();
}

/** `ServingStatus status = 1` of a HealthCheckResponse; undefined for bytes that are none. */
export function readHealthStatus(bytes: Uint8Array): number | undefined {
  try {
    const reader = new BinaryReader(bytes);
    let status = 0;
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1 && wireType === WireType.Varint) status = reader.int32();
      else reader.skip(wireType);
    }
    return status;
  } catch {
    return undefined;
  }
}
