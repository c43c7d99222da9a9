import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";
import { checkEvents, checkRules } from "./transcode-rules.ts";

/** What is offered as HTTP and JSON has to be gRPC, and its services known. */
export function checkTranscode(config: Cursor): readonly ConfigIssue[] {
  const upstreams = new Map(config.get("upstreams").entries());
  const ofUpstreams = [...upstreams.values()].flatMap((upstream) => {
    const file = upstream.get("descriptor_set_file");
    const isGrpc = upstream.get("protocol").text() === "grpc";
    return file.node === undefined || isGrpc ? [] : file.issue("a descriptor set is for upstreams with protocol: grpc");
  });
  const ofRoutes = config
    .get("routes")
    .items()
    .flatMap((route) => {
      const transcode = route.get("transcode");
      const upstream = upstreams.get(route.get("upstream").text() ?? "");
      if (transcode.node === undefined) return [];
      const ofUpstream =
        upstream !== undefined && upstream.get("descriptor_set_file").node === undefined
          ? transcode.issue("the route's upstream has no descriptor_set_file")
          : [];
      return [...ofUpstream, ...checkRules(route), ...checkEvents(route)];
    });
  return [...ofUpstreams, ...ofRoutes];
}
