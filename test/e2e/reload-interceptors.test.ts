import { rename, writeFile } from "node:fs/promises";
import { allow, binding, defineInterceptor, deny } from "@sallyport/interceptors-sdk";
import { describe, expect, it, vi } from "vitest";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { startGateway, withPreamble, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, TLS } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";

/** Marks every request. */
const marker = defineInterceptor({
  name: "marker",
  version: "1.0.0",
  bindings: {
    mark: binding({
      phase: "pre-route",
      mode: "mutate",
      needs: ["/request/path"],
      writes: ["/request/headers/x-mark"],
      review: () => allow().setHeader("x-mark", "1.0.0"),
    }),
  },
});

/** The same binding a release later: it writes another header. */
const nextMarker = defineInterceptor({
  name: "marker",
  version: "2.0.0",
  bindings: {
    mark: binding({
      phase: "pre-route",
      mode: "mutate",
      needs: ["/request/path"],
      writes: ["/request/headers/x-other-mark"],
      review: () => allow().setHeader("x-other-mark", "2.0.0"),
    }),
  },
});

/** Denies everything. */
const closed = defineInterceptor({
  name: "closed",
  version: "1.0.0",
  bindings: {
    close: binding({
      phase: "pre-route",
      mode: "validate",
      needs: ["/request/path"],
      review: () => deny(403, "closed_today", "closed today"),
    }),
  },
});

const entry = (name: string, port: number, bindings: string, more = ""): string => `  - name: ${name}
    endpoint: grpcs://127.0.0.1:${port}
    tls: ${TLS}
    timeout: 2s
    bindings: ${bindings}
${more}`;

const marking = (port: number, more = ""): string =>
  entry("marker", port, "[{ id: mark, phase: pre-route, mode: mutate }]", more);
const closing = (port: number): string => entry("closed", port, "[{ id: close, phase: pre-route, mode: validate }]");

const configOf = (
  upstream: TestUpstream,
  interceptors: string,
  label = "one",
): string => `upstreams: { echo: { endpoints: ["${upstream.url}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo, labels: { build: ${label} } }]
interceptors:
${interceptors}`;

async function write(gateway: TestGateway, config: string): Promise<void> {
  await writeFile(`${gateway.configFile}.new`, withPreamble(config));
  await rename(`${gateway.configFile}.new`, gateway.configFile);
}

async function reload({ adminUrl, adminToken }: TestGateway): Promise<Record<string, unknown>> {
  const answer = await send(`${adminUrl}/admin/reload`, { method: "POST", headers: { authorization: `Bearer ${adminToken}` } });
  return answer.json();
}

const ready = async ({ adminUrl }: TestGateway): Promise<unknown> => (await send(`${adminUrl}/ready`)).json()["status"];

const becomes = (gateway: TestGateway, status: string) =>
  vi.waitFor(async () => expect(await ready(gateway)).toBe(status), { timeout: 10_000, interval: 20 });

/** The mark the upstream saw on a fresh request. */
async function mark(gateway: TestGateway, upstream: TestUpstream, header = "x-mark"): Promise<string | undefined> {
  expect((await send(`${gateway.url}/x`)).status).toBe(200);
  return upstream.seen.at(-1)?.headers[header];
}

describe("an interceptor that is added to the file", () => {
  it("reviews from then on, without a restart", async () => {
    await using upstream = await startUpstream();
    await using one = await startInterceptor(marker);
    await using other = await startInterceptor(closed);
    await using gateway = await startGateway({ config: configOf(upstream, marking(one.port)), files: await gatewayFiles() });
    expect(await mark(gateway, upstream)).toBe("1.0.0");
    await write(gateway, configOf(upstream, marking(one.port) + closing(other.port)));
    await gateway.lineWhere(({ event }) => event === "config_reloaded", 10_000);
    const answer = await send(`${gateway.url}/x`);
    expect([answer.status, answer.json()["code"]]).toEqual([403, "closed_today"]);
  });

  it("must answer: the reload is refused at its place, and what was in force stays (C32)", async () => {
    await using upstream = await startUpstream();
    await using one = await startInterceptor(marker);
    await using gateway = await startGateway({ config: configOf(upstream, marking(one.port)), files: await gatewayFiles() });
    await write(gateway, configOf(upstream, marking(one.port) + closing(await freePort())));
    const rejected = await reload(gateway);
    expect(rejected).toMatchObject({
      outcome: "rejected",
      issues: [
        expect.stringMatching(
          /gateway\.yaml:\d+:\d+: \/interceptors\/1: interceptor closed is new or changed and did not answer Describe/,
        ),
      ],
    });
    expect(await mark(gateway, upstream)).toBe("1.0.0");
    // what was in force serves on, and nobody is left to wonder about the file
    expect(await ready(gateway)).toBe("degraded");
  });

  it("is taken up when it comes up after the file was saved, without another save", async () => {
    await using upstream = await startUpstream();
    await using one = await startInterceptor(marker);
    await using gateway = await startGateway({ config: configOf(upstream, marking(one.port)), files: await gatewayFiles() });
    const port = await freePort();
    await write(gateway, configOf(upstream, marking(one.port) + closing(port)));
    expect(await reload(gateway)).toMatchObject({ outcome: "rejected" });
    await using late = await startInterceptor(closed, port);
    const taken = await gateway.lineWhere(({ event, reason }) => event === "config_reloaded" && reason === "retry", 10_000);
    expect(taken["level"]).toBe("info");
    expect(await ready(gateway)).toBe("ready");
    expect(late.port).toBe(port);
  });
});

describe("with one interceptor dead (C32)", () => {
  it("an unrelated change still reloads, on its last manifest, and is shown until it answers again", async () => {
    await using upstream = await startUpstream();
    const dying = await startInterceptor(marker);
    await using gateway = await startGateway({ config: configOf(upstream, marking(dying.port)), files: await gatewayFiles() });
    expect(await mark(gateway, upstream)).toBe("1.0.0");
    await dying[Symbol.asyncDispose]();
    await becomes(gateway, "degraded");

    await write(gateway, configOf(upstream, marking(dying.port), "two"));
    await gateway.lineWhere(({ event }) => event === "config_reloaded", 10_000);
    expect(gateway.lines.filter(({ event }) => event === "config_rejected")).toEqual([]);
    expect(await gateway.lineWhere(({ event }) => event === "interceptor_not_described")).toMatchObject({
      level: "warn",
      interceptor: "marker",
      reused: true,
    });
    // what it guards stays guarded
    const refused = await send(`${gateway.url}/x`);
    expect([refused.status, refused.json()["code"]]).toEqual([503, "interceptor_unavailable"]);
    expect(upstream.seen).toHaveLength(1);

    await using again = await startInterceptor(marker, dying.port);
    expect(again.port).toBe(dying.port);
    await becomes(gateway, "ready");
    expect(await mark(gateway, upstream)).toBe("1.0.0");
  });

  it("a change of the dead one itself is refused", async () => {
    await using upstream = await startUpstream();
    const dying = await startInterceptor(marker);
    await using gateway = await startGateway({ config: configOf(upstream, marking(dying.port)), files: await gatewayFiles() });
    await dying[Symbol.asyncDispose]();
    await write(gateway, configOf(upstream, marking(dying.port, "    order: 5\n")));
    expect(await reload(gateway)).toMatchObject({
      outcome: "rejected",
      issues: [expect.stringContaining("marker is new or changed")],
    });
  });
});

describe("an interceptor that comes back with another manifest (C30)", () => {
  const comesBack = async (grant: string) => {
    const upstream = await startUpstream();
    const first = await startInterceptor(marker);
    const gateway = await startGateway({ config: configOf(upstream, marking(first.port, grant)), files: await gatewayFiles() });
    expect(await mark(gateway, upstream)).toBe("1.0.0");
    await first[Symbol.asyncDispose]();
    const second = await startInterceptor(nextMarker, first.port);
    return {
      upstream,
      gateway,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]();
        await second[Symbol.asyncDispose]();
        await upstream[Symbol.asyncDispose]();
      },
    };
  };

  it("keeps its old grant, shown as drift, until the operator reloads", async () => {
    await using it = await comesBack("");
    const { gateway, upstream } = it;
    expect(await gateway.lineWhere(({ event }) => event === "manifest_drift", 10_000)).toMatchObject({
      level: "warn",
      interceptor: "marker",
      version: "2.0.0",
    });
    const states = await send(`${gateway.adminUrl}/admin/interceptors`, {
      headers: { authorization: `Bearer ${gateway.adminToken}` },
    });
    expect(states.json()["interceptors"]).toMatchObject([
      { name: "marker", version: "1.0.0", last_error: expect.stringContaining("manifest changed") },
    ]);
    // its new writes are not granted: what it answers now is invalid, and it guards the route
    expect((await send(`${gateway.url}/x`)).status).toBeGreaterThanOrEqual(500);
    expect(await reload(gateway)).toMatchObject({ outcome: "swapped" });
    expect(await mark(gateway, upstream, "x-other-mark")).toBe("2.0.0");
  });

  it("is taken at once where the operator's grant is dynamic", async () => {
    await using it = await comesBack("    grant: dynamic\n");
    const { gateway, upstream } = it;
    await gateway.lineWhere((line) => line.event === "plan_rebuilt" && line["version"] === "2.0.0", 10_000);
    expect(await mark(gateway, upstream, "x-other-mark")).toBe("2.0.0");
  });
});
