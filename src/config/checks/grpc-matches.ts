import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** A route says its path in one way: as a path, or as service and method of gRPC, which are always POST. */
export function checkGrpcMatches(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("routes")
    .items()
    .flatMap((route) => {
      const match = route.get("match");
      if (match.node?.kind !== "map") return [];
      const path = match.get("path");
      const grpc = match.get("grpc");
      if (path.node === undefined && grpc.node === undefined)
        return match.issueMissing("path", "expected path or grpc, found neither");
      if (grpc.node === undefined) return [];
      if (path.node !== undefined) return grpc.issue("expected path or grpc, found both");
      const others = match
        .get("methods")
        .texts()
        .filter((method) => method !== "POST");
      return others.length === 0 ? [] : match.get("methods").issue("gRPC calls are POST alone", "leave methods out");
    });
}
