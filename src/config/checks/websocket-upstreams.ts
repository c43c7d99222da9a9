import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** A route that is there for WebSockets has an upstream that can take one: they go out over HTTP/1.1 alone. */
export function checkWebSocketUpstreams(config: Cursor): readonly ConfigIssue[] {
  const upstreams = new Map(config.get("upstreams").entries());
  return config
    .get("routes")
    .items()
    .flatMap((route) => {
      const streaming = route.get("streaming");
      if (streaming.text() !== "websocket") return [];
      const name = route.get("upstream").text() ?? "";
      const protocol = upstreams.get(name)?.get("protocol").text();
      if (protocol !== "http2" && protocol !== "grpc") return [];
      return streaming.issue(
        `the upstream ${name} has protocol: ${protocol}, and WebSockets go out over HTTP/1.1`,
        "give the route an upstream of its own with protocol: http",
      );
    });
}
