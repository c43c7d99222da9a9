import { allow, binding, defineInterceptor } from "@sallyport/interceptors-sdk";
import { describe, expect, it } from "vitest";
import { send } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, TLS } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";

/** Counts in its own memory, as its manifest says it does. */
const counter = (version: string, stateScope: "none" | "replica" | "cluster") =>
  defineInterceptor({
    name: "quota",
    version,
    stateScope,
    bindings: {
      take: binding({ phase: "pre-route", mode: "validate", needs: ["/request/path"], review: () => allow() }),
    },
  });

const HONEST = counter("1.0.0", "replica");

const configOf = (
  upstream: TestUpstream,
  ports: readonly number[],
  {
    more = "",
    own = "",
    bindings = `[{ id: take, phase: pre-route, mode: validate${more} }]`,
    top = "",
  }: { readonly more?: string; readonly own?: string; readonly bindings?: string; readonly top?: string } = {},
): string => `${top}upstreams: { echo: { endpoints: ["${upstream.url}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo }]
interceptors:
  - name: quota
    endpoints: ${JSON.stringify(ports.map((port) => `grpcs://127.0.0.1:${port}`))}
    tls: ${TLS}
    timeout: 2s
    ${own}
    bindings: ${bindings}
`;

const reload = async ({ adminUrl, adminToken }: TestGateway): Promise<Record<string, unknown>> =>
  (await send(`${adminUrl}/admin/reload`, { method: "POST", headers: { authorization: `Bearer ${adminToken}` } })).json();

describe("a service that says its state is each replica's own", () => {
  it.each([
    ["several endpoints", { replicas: 1, copies: 2 }, "2 endpoints"],
    ["several gateways", { replicas: 2, copies: 1 }, "2 gateways"],
  ])(
    "is a configuration error at start with %s, and none once the operator accepts it",
    async (_what, { replicas, copies }, said) => {
      await using upstream = await startUpstream();
      await using one = await startInterceptor(HONEST);
      await using two = await startInterceptor(HONEST);
      const ports = [one.port, two.port].slice(0, copies);
      const top = `replicas: ${replicas}\n`;
      await expect(startGateway({ config: configOf(upstream, ports, { top }), files: await gatewayFiles() })).rejects.toThrow(
        new RegExp(`/interceptors/0/bindings/0: each replica of quota keeps its own state.*there are ${said}`),
      );
      const accepted = configOf(upstream, ports, { top, more: ", accept_replica_scope: true" });
      await using gateway = await startGateway({ config: accepted, files: await gatewayFiles() });
      expect((await send(`${gateway.url}/x`)).status).toBe(200);
    },
  );

  it("is a configuration error under dynamic too, where no binding is listed", async () => {
    await using upstream = await startUpstream();
    await using one = await startInterceptor(HONEST);
    const config = configOf(upstream, [one.port], { top: "replicas: 2\n", own: "grant: dynamic", bindings: "[]" });
    await expect(startGateway({ config, files: await gatewayFiles() })).rejects.toThrow(
      /each replica of quota keeps its own state/,
    );
  });

  it("is refused when it says so later under dynamic: what was in force stays, and reviews", async () => {
    await using upstream = await startUpstream();
    const first = await startInterceptor(counter("0.9.0", "cluster"));
    const config = configOf(upstream, [first.port], { top: "replicas: 2\n", own: "grant: dynamic", bindings: "[]" });
    await using gateway = await startGateway({ config, files: await gatewayFiles() });
    expect((await send(`${gateway.url}/x`)).status).toBe(200);
    await first[Symbol.asyncDispose]();
    await using again = await startInterceptor(HONEST, first.port);
    const line = await gateway.lineWhere(({ event }) => event === "manifest_refused", 10_000);
    expect(line).toMatchObject({ interceptor: "quota", issues: [expect.stringContaining("keeps its own state")] });
    expect((await send(`${gateway.url}/x`)).status).toBe(200);
    expect(again.running.counters().allowed).toBeGreaterThan(0);
  });

  it("refuses a reload that would take it, and is shown as the reason before", async () => {
    await using upstream = await startUpstream();
    const first = await startInterceptor(counter("0.9.0", "none"));
    await using gateway = await startGateway({
      config: configOf(upstream, [first.port], { top: "replicas: 2\n" }),
      files: await gatewayFiles(),
    });
    await first[Symbol.asyncDispose]();
    await using again = await startInterceptor(HONEST, first.port);
    const line = await gateway.lineWhere(({ event }) => event === "manifest_drift", 10_000);
    expect(line["issues"]).toEqual([expect.stringContaining("accept_replica_scope")]);
    expect(await reload(gateway)).toMatchObject({ outcome: "rejected", issues: line["issues"] });
    expect((await send(`${gateway.url}/x`)).status).toBe(200);
    expect(again.port).toBe(first.port);
  });
});
