import { describe, expect, it } from "vitest";
import { issuesOf, minimal } from "../../support/config-text.ts";

const issuesIn = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text)).map((issue) => issue.replace(/^gateway\.yaml:\d+:\d+: /, ""));

describe("routes of WebSockets", () => {
  const text = (protocol: string, streaming: string): string =>
    minimal()
      .replace("orders: { endpoints", `orders: { protocol: ${protocol}, endpoints`)
      .replace("upstream: orders", `upstream: orders, streaming: ${streaming}`);

  it.each(["http2", "grpc"])("cannot lead to an upstream with protocol: %s", async (protocol) => {
    expect(await issuesIn(text(protocol, "websocket"))).toEqual([
      `/routes/0/streaming: the upstream orders has protocol: ${protocol}, and WebSockets go out over HTTP/1.1 (give the route an upstream of its own with protocol: http)`,
    ]);
    expect(await issuesIn(text(protocol, "auto"))).toEqual([]);
  });

  it("lead to one with protocol: http", async () => {
    expect(await issuesIn(text("http", "websocket"))).toEqual([]);
  });
});
