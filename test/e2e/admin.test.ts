import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { send, type ClientAnswer } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream } from "../support/start-upstream.ts";

const config = (upstream: string, more = ""): string => `upstreams: { echo: { endpoints: ["${upstream}"] } }
routes:
  - { name: open, match: { path: /open/** }, authenticate: [anonymous], upstream: echo, labels: { tier: gold } }
  - { name: other, match: { path: /other/** }, authenticate: [anonymous], upstream: echo }
${more}`;

const admin = (
  { adminUrl, adminToken }: TestGateway,
  path: string,
  method = "GET",
  token: string | undefined = adminToken,
): Promise<ClientAnswer> => send(adminUrl + path, { method, headers: token === "" ? {} : { authorization: `Bearer ${token}` } });

describe("the admin listener", () => {
  it("tells everybody whether the gateway lives and is ready, with every check", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream.url) });
    for (const path of ["/health", "/healthz", "/livez"])
      expect([path, (await admin(gateway, path, "GET", "")).json()]).toEqual([path, { status: "ok" }]);
    for (const path of ["/ready", "/readyz"]) {
      const answer = await admin(gateway, path, "GET", "");
      expect([answer.status, answer.json()["status"]]).toEqual([200, "ready"]);
      expect(answer.json()["checks"]).toEqual(expect.arrayContaining([{ name: "config", ok: true, critical: false }]));
    }
  });

  it("gives metrics in Prometheus' format: requests by route, problems by code, histograms, gauges of the moment", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream.url) });
    for (const path of ["/open/a", "/open/b", "/nowhere"]) await send(gateway.url + path);
    await gateway.lineWhere((line) => line["path"] === "/nowhere");
    const answer = await admin(gateway, "/metrics", "GET", "");
    expect(answer.headers["content-type"]).toMatch(/^text\/plain; version=/);
    const lines = answer.text.split("\n");
    for (const line of [
      'sallyport_requests_total{route="open",status_class="2xx"} 2',
      'sallyport_request_duration_seconds_count{route="open"} 2',
      'sallyport_request_duration_seconds_bucket{route="open",le="+Inf"} 2',
      'sallyport_upstream_duration_seconds_count{upstream="echo"} 2',
      'sallyport_problems_total{code="route_not_found",source="client"} 1',
      'sallyport_ready{check="config"} 1',
      'sallyport_build_info{version="0.0.0-test",node="' + process.version + '"} 1',
      "sallyport_in_flight_exchanges 0",
    ])
      expect(lines).toContain(line);
    expect(answer.text).toMatch(/^sallyport_connections\{listener="public"\} \d+$/m);
    expect(answer.text).toMatch(/^process_cpu_user_seconds_total \d/m);
    // labels are bounded: nothing a client sent stands in one
    expect(answer.text).not.toMatch(/nowhere|\/open/);
  });

  it("shows plan and interceptors to whoever has the token, and to nobody else", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream.url) });
    for (const [method, path] of [
      ["GET", "/admin/plan"],
      ["GET", "/admin/interceptors"],
      ["GET", "/admin/openapi.json"],
      ["POST", "/admin/reload"],
    ] as const) {
      const without = await admin(gateway, path, method, "");
      expect([path, without.status, without.json()["code"]]).toEqual([path, 401, "credential_missing"]);
      const wrong = await admin(gateway, path, method, `${gateway.adminToken}x`);
      expect([path, wrong.status, wrong.json()["code"]]).toEqual([path, 401, "credential_invalid"]);
      expect((await admin(gateway, path, method)).status).toBe(200);
    }
    const plan = (await admin(gateway, "/admin/plan")).json();
    expect(plan).toMatchObject({
      revision: expect.stringMatching(/\S/),
      bindings: [],
      routes: [{ name: "open", labels: { tier: "gold" } }, { name: "other" }],
    });
    expect((await admin(gateway, "/admin/interceptors")).json()).toEqual({ interceptors: [] });
    await gateway.lineWhere(({ event }) => event === "admin_denied");
  });

  it("takes a replaced token at once", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream.url) });
    const file = join(gateway.directory, "admin-token");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, "another-token-0123456789\n");
    expect((await admin(gateway, "/admin/plan")).status).toBe(401);
    expect((await admin(gateway, "/admin/plan", "GET", "another-token-0123456789")).status).toBe(200);
  });

  it("has no door for traffic, and traffic's door has none for it", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream.url) });
    expect((await admin(gateway, "/open/a")).json()).toMatchObject({ status: 404, code: "route_not_found" });
    for (const path of ["/health", "/metrics", "/admin/plan"]) expect((await send(gateway.url + path)).status).toBe(404);
    expect(upstream.seen).toEqual([]);
  });
});

describe("the status listener", () => {
  it("serves health, readiness and metrics, and nothing that takes a token", async () => {
    await using upstream = await startUpstream();
    const port = await freePort();
    await using gateway = await startGateway({ config: config(upstream.url, `status: { address: "127.0.0.1:${port}" }\n`) });
    const status = (path: string) =>
      send(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${gateway.adminToken}` } });
    for (const path of ["/health", "/ready", "/metrics"]) expect((await status(path)).status).toBe(200);
    for (const path of ["/admin/plan", "/admin/interceptors"]) expect((await status(path)).status).toBe(404);
  });
});
