import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawClient } from "../../support/raw-http.ts";
import { startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../../support/start-upstream.ts";
import { TARGET_CASES, TARGET_CONFIG, type TargetCase } from "./cases.ts";

describe.each(["node", "sallyport"] as const)("request targets and Host (codec %s)", (codec) => {
  let upstream: TestUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({ config: TARGET_CONFIG(upstream.url), codec });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  it.each(TARGET_CASES)("$name", async ({ target, hosts, version = "1.1", method = "GET", read }: TargetCase) => {
    const before = { upstream: upstream.seen.length, lines: gateway.exchanges().length };
    using client = await RawClient.connect(Number(new URL(gateway.url).port));
    const lines = [`${method} ${target} HTTP/${version}`, ...hosts.map((host) => `Host: ${host}`), "Connection: close"];
    client.send(`${lines.join("\r\n")}\r\n\r\n`);
    await client.toEnd();
    const seen = upstream.seen.slice(before.upstream);
    if (read === undefined) {
      expect(client.statuses).toHaveLength(1);
      expect([400, 404, 405]).toContain(client.statuses[0]);
      return expect(seen).toEqual([]);
    }
    expect(client.statuses).toEqual([200]);
    expect(seen.map(({ url, headers }) => [headers["host"], url, headers["x-forwarded-host"]])).toEqual([
      [read.host, read.target, read.host],
    ]);
    const [line] = gateway.exchanges().slice(before.lines);
    expect(line).toMatchObject({ host: read.host, path: read.target.split("?")[0], route: "rest" });
  });

  it("are more than a hundred", () => {
    expect(TARGET_CASES.length).toBeGreaterThan(130);
  });
});
