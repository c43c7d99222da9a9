import { grpcPath } from "../path-pattern.ts";
import type { Cursor } from "../source/cursor.ts";

/** The path a `match` asks for, as it is written, or as it follows from the gRPC names in it; empty without either. */
export function pathOf(match: Cursor): string {
  const grpc = match.get("grpc");
  if (grpc.node === undefined) return match.get("path").text() ?? "";
  return grpcPath(grpc.get("service").text(), grpc.get("method").text());
}
