import { rename, writeFile } from "node:fs/promises";
import { allow, binding, defineInterceptor, type Interceptor } from "@sallyport/interceptors-sdk";
import { describe, expect, it, vi } from "vitest";
import { runCommand } from "../support/run-command.ts";
import { send } from "../support/http-client.ts";
import { startGateway, withPreamble, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, TLS, type TestInterceptor } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { SteadyLoad } from "../support/steady-load.ts";

type Mark = "one" | "two" | "three";
type Write = `/request/headers/x-${Mark | "admin"}` | "/labels/tier";

/** How often each binding was asked, over all tests: they compare before and after. */
const asked = new Map<Mark, number>();

/** Sets one request header, named like the binding. */
const mark = (id: Mark, also: readonly Write[] = []) =>
  binding({
    phase: "pre-route",
    mode: "mutate",
    needs: ["/request/path"],
    writes: [`/request/headers/x-${id}` satisfies Write, ...also],
    cacheable: true,
    review() {
      asked.set(id, (asked.get(id) ?? 0) + 1);
      return allow().setHeader(`x-${id}`, "yes").cacheFor(60_000);
    },
  });

/** A release of the service that declares these bindings. */
const release = (version: string, bindings: Readonly<Record<string, ReturnType<typeof mark>>>): Interceptor =>
  defineInterceptor({ name: "marker", version, bindings: { ...bindings } });

const ONE = release("1.0.0", { one: mark("one"), two: mark("two") });
/** `one` asks for more, `two` is as it was. */
const WIDER = release("2.0.0", { one: mark("one", ["/request/headers/x-admin"]), two: mark("two") });
const ADDED = release("3.0.0", { one: mark("one"), two: mark("two"), three: mark("three") });
const REMOVED = release("4.0.0", { two: mark("two") });
/** Two bindings that write one label, which no plan may have. */
const CLASHING = release("5.0.0", { one: mark("one", ["/labels/tier"]), two: mark("two", ["/labels/tier"]) });

interface Setting extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly upstream: TestUpstream;
  readonly service: TestInterceptor;
}

const LISTED = "[{ id: one, phase: pre-route, mode: mutate }, { id: two, phase: pre-route, mode: mutate }]";

const configOf = (upstreamUrl: string, port: number, more: string, bindings: string): string =>
  withPreamble(`upstreams: { echo: { endpoints: ["${upstreamUrl}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo }]
interceptors:
  - name: marker
    endpoint: grpcs://127.0.0.1:${port}
    tls: ${TLS}
    timeout: 2s
    ${more}
    bindings: ${bindings}
`);

/** A gateway in front of release 1.0.0 of the service. */
async function setting(more: string, bindings = LISTED): Promise<Setting> {
  const upstream = await startUpstream();
  const service = await startInterceptor(ONE);
  const gateway = await startGateway({
    config: configOf(upstream.url, service.port, more, bindings),
    files: await gatewayFiles(),
  });
  // a service that is not watched yet is not heard; a tag nobody uses asks without saying anything
  await vi.waitFor(() => expect(service.running.revoke("nothing")).toBe(1), { timeout: 5_000, interval: 10 });
  return {
    gateway,
    upstream,
    service,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function admin<T>({ adminUrl, adminToken }: TestGateway, path: string, method = "GET"): Promise<T> {
  const answer = await send(`${adminUrl}${path}`, { method, headers: { authorization: `Bearer ${adminToken}` } });
  return answer.json() as T; // compared by the caller
}

interface Shown {
  readonly version: string;
  readonly manifest_digest: string;
  readonly granted: readonly string[];
  readonly manifest_drift?: {
    readonly version: string;
    readonly digest: string;
    readonly changes: readonly string[];
    readonly issues: readonly string[];
  };
  readonly last_error?: string;
}

async function shown(gateway: TestGateway): Promise<Shown> {
  const { interceptors } = await admin<{ readonly interceptors: readonly Shown[] }>(gateway, "/admin/interceptors");
  const [state] = interceptors;
  if (state === undefined) throw new Error("no interceptor");
  return state;
}

const reload = (gateway: TestGateway) => admin<Record<string, unknown>>(gateway, "/admin/reload", "POST");

/** Status of a fresh request, and the marks the upstream saw on it. */
async function marks({ gateway, upstream }: Setting): Promise<readonly [number, readonly string[]]> {
  const before = upstream.seen.length;
  const { status } = await send(`${gateway.url}/x`);
  const seen = upstream.seen.slice(before).at(-1)?.headers ?? {};
  return [status, ["one", "two", "three"].filter((id) => seen[`x-${id}`] !== undefined)];
}

const drifted = ({ gateway }: Setting, version: string) =>
  gateway.lineWhere((line) => line.event === "manifest_drift" && line["version"] === version, 5_000);

const rebuilt = ({ gateway }: Setting, version: string) =>
  gateway.lineWhere((line) => line.event === "plan_rebuilt" && line["version"] === version, 5_000);

const WIDENED = "binding marker/one (pre-route): writes: widened by /request/headers/x-admin";

describe("a manifest that changes under allowlist (C30)", () => {
  it("is noticed without a reconnection, logged and shown with what it would change, and widens nothing", async () => {
    await using it = await setting("grant: allowlist");
    const before = await shown(it.gateway);
    it.service.running.update(WIDER);
    const line = await drifted(it, "2.0.0");
    expect(line).toMatchObject({ level: "warn", interceptor: "marker", issues: [], changes: expect.arrayContaining([WIDENED]) });
    const { manifest_drift, ...after } = await shown(it.gateway);
    expect(after).toMatchObject({ version: "1.0.0", manifest_digest: before.manifest_digest, granted: before.granted });
    expect(manifest_drift).toMatchObject({
      version: "2.0.0",
      digest: line["digest"],
      changes: [WIDENED, "interceptor marker: version: 1.0.0 -> 2.0.0"],
      issues: [],
    });
    // both bindings are asked and answer as they were granted
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
  });

  it("is taken by an operator's reload, which says what changed; the admin API keeps it", async () => {
    await using it = await setting("grant: allowlist");
    it.service.running.update(WIDER);
    await drifted(it, "2.0.0");
    const changes = [WIDENED, "interceptor marker: version: 1.0.0 -> 2.0.0"];
    const outcome = await reload(it.gateway);
    expect(outcome).toMatchObject({ outcome: "swapped", changes });
    const plan = await admin<Record<string, unknown>>(it.gateway, "/admin/plan");
    expect(plan).toMatchObject({
      revision: outcome["revision"],
      bindings: [{ failure_policy: "fail-closed" }, {}],
      history: [{ reason: "admin", to: outcome["revision"], changes, at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) }],
    });
    expect(await it.gateway.lineWhere(({ event }) => event === "plan_changed")).toMatchObject({
      level: "info",
      reason: "admin",
      changes,
    });
    expect((await shown(it.gateway)).manifest_drift).toBeUndefined();
  });

  it("is no drift any more once it changed back", async () => {
    await using it = await setting("grant: allowlist");
    it.service.running.update(WIDER);
    await drifted(it, "2.0.0");
    it.service.running.update(ONE);
    await vi.waitFor(async () => expect((await shown(it.gateway)).manifest_drift).toBeUndefined(), {
      timeout: 5_000,
      interval: 20,
    });
    expect(await reload(it.gateway)).toMatchObject({ outcome: "unchanged" });
  });

  it("fails closed where a granted binding is gone, and a reload is refused by name", async () => {
    await using it = await setting("grant: allowlist");
    it.service.running.update(REMOVED);
    const line = await drifted(it, "4.0.0");
    expect(line["issues"]).toEqual([expect.stringContaining('the manifest declares no binding "one" at pre-route')]);
    expect((await marks(it))[0]).toBe(502);
    expect(await reload(it.gateway)).toMatchObject({ outcome: "rejected", issues: line["issues"] });
    expect((await marks(it))[0]).toBe(502);
  });

  it("tells of a binding more, which is not granted", async () => {
    await using it = await setting("grant: allowlist");
    it.service.running.update(ADDED);
    expect((await drifted(it, "3.0.0"))["changes"]).toContain("declares three (pre-route), which is not listed");
    expect(await reload(it.gateway)).toMatchObject({ outcome: "swapped" });
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
  });

  it("is found by an operator's reload of an unchanged file, whoever told of it", async () => {
    await using it = await setting("grant: allowlist");
    it.service.running.update(WIDER);
    expect(await reload(it.gateway)).toMatchObject({ outcome: "swapped", changes: expect.arrayContaining([WIDENED]) });
    expect(await reload(it.gateway)).toMatchObject({ outcome: "unchanged" });
  });
});

describe("a manifest that changes under exact (C30)", () => {
  it("stays out where it declares more, by name, and a reload is refused", async () => {
    await using it = await setting("grant: exact");
    it.service.running.update(ADDED);
    const line = await drifted(it, "3.0.0");
    expect(line["issues"]).toEqual([expect.stringContaining('grant is exact, and the manifest declares "three" (pre-route)')]);
    expect(await reload(it.gateway)).toMatchObject({ outcome: "rejected" });
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
    expect((await shown(it.gateway)).version).toBe("1.0.0");
  });
});

describe("a manifest that changes under dynamic (C30)", () => {
  it("is in force within a second, and under 50 requests a second none is lost", async () => {
    await using it = await setting("grant: dynamic", "[]");
    const load = new SteadyLoad(it.gateway.url, 20);
    // more than a second: the quiet after the Describe of the start is over
    await vi.waitFor(() => expect(load.sent).toBeGreaterThan(60), { timeout: 5_000, interval: 10 });
    const startedMs = performance.now();
    it.service.running.update(ADDED);
    await rebuilt(it, "3.0.0");
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    await vi.waitFor(() => expect(load.sent).toBeGreaterThan(120), { timeout: 5_000, interval: 10 });
    expect((await load.stop()).failures).toEqual([]);
    expect(await marks(it)).toEqual([200, ["one", "two", "three"]]);
    expect(await it.gateway.lineWhere(({ event }) => event === "plan_changed")).toMatchObject({
      reason: "manifest of marker",
      changes: [expect.stringMatching(/^binding marker\/three \(pre-route\): added: mutate, fail-closed/), expect.any(String)],
    });
  });

  it("keeps what is unchanged as it is: same digests, no new connection", async () => {
    await using it = await setting("grant: dynamic", "[]");
    const digests = async (): Promise<readonly unknown[]> =>
      (await admin<{ bindings: { id: string; digest: string }[] }>(it.gateway, "/admin/plan")).bindings.map(({ id, digest }) => [
        id,
        digest,
      ]);
    const before = await digests();
    it.service.running.update(WIDER);
    await rebuilt(it, "2.0.0");
    const after = await digests();
    expect(after.find((entry) => String(entry).startsWith("two"))).toEqual(
      before.find((entry) => String(entry).startsWith("two")),
    );
    expect(after.find((entry) => String(entry).startsWith("one"))).not.toEqual(
      before.find((entry) => String(entry).startsWith("one")),
    );
    expect(it.service.running.update(WIDER)).toBe(1);
  });

  it("keeps the verdicts of what is unchanged, and asks what changed anew", async () => {
    await using it = await setting("grant: dynamic\n    cache: {}", "[]");
    await marks(it);
    const before = new Map(asked);
    await marks(it);
    expect(asked).toEqual(before);
    it.service.running.update(WIDER);
    await rebuilt(it, "2.0.0");
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
    expect([asked.get("one"), asked.get("two")]).toEqual([(before.get("one") ?? 0) + 1, before.get("two")]);
  });

  it("keeps the plan it had where the new one would have mistakes, and says so", async () => {
    await using it = await setting("grant: dynamic", "[]");
    it.service.running.update(CLASHING);
    const line = await it.gateway.lineWhere(({ event }) => event === "manifest_refused", 5_000);
    expect(line).toMatchObject({ version: "5.0.0", issues: [expect.stringContaining("/labels/tier is also written by")] });
    expect(await shown(it.gateway)).toMatchObject({ version: "1.0.0", last_error: expect.stringContaining("/labels/tier") });
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
  });

  it("is refused where a binding is gone that the operator lists, which then fails closed", async () => {
    await using it = await setting("grant: dynamic", "[{ id: one, phase: pre-route, mode: mutate }]");
    it.service.running.update(REMOVED);
    await it.gateway.lineWhere(({ event }) => event === "manifest_refused", 5_000);
    expect((await marks(it))[0]).toBe(502);
  });
});

/** The digest of no manifest here. */
const OTHER = "a".repeat(64);

describe("sallyport check --describe", () => {
  it("asks the interceptors, and shows the digest to pin, what they declare, and what is wrong", async () => {
    await using it = await setting("grant: allowlist");
    const { manifest_digest } = await shown(it.gateway);
    const check = (...more: readonly string[]) => runCommand(["check", it.gateway.configFile, "--describe", ...more]);
    const text = await check();
    expect([text.code, text.stdout]).toEqual([
      0,
      [
        `interceptor marker: version 1.0.0, manifest_digest ${manifest_digest}`,
        "  declares mutate one (pre-route)",
        "  declares mutate two (pre-route)",
        `${it.gateway.configFile}: no problems`,
        "",
      ].join("\n"),
    ]);
    it.service.running.update(REMOVED);
    const { code, stdout } = await check("--json");
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      {
        issues: [{ message: expect.stringContaining('declares no binding "one"') }],
        manifests: [{ interceptor: "marker", version: "4.0.0", bindings: [{ id: "two", phase: "pre-route", mode: "mutate" }] }],
      },
    ]);
  });
});

describe("a manifest that is pinned (C30)", () => {
  const pinnedTo = async (digest: string) => setting(`manifest_digest: ${digest}`);

  it("is taken by the digest that is shown, and any other is kept out while the gateway runs", async () => {
    await using first = await setting("grant: allowlist");
    const { manifest_digest } = await shown(first.gateway);
    await using it = await pinnedTo(manifest_digest);
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
    it.service.running.update(WIDER);
    const line = await it.gateway.lineWhere(({ event }) => event === "manifest_refused", 5_000);
    expect(line["issues"]).toEqual([expect.stringContaining(manifest_digest)]);
    expect(await shown(it.gateway)).toMatchObject({
      version: "1.0.0",
      manifest_digest,
      last_error: expect.stringContaining("manifest_digest"),
    });
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
    // the right one again, and nothing is wrong any more
    it.service.running.update(ONE);
    await vi.waitFor(async () => expect((await shown(it.gateway)).last_error).toBeUndefined(), { timeout: 5_000, interval: 20 });
  });

  it("is not described at start by another: its routes stay closed, with both digests said", async () => {
    await using it = await pinnedTo(OTHER);
    expect((await marks(it))[0]).toBe(503);
    const { last_error } = await shown(it.gateway);
    expect(last_error).toMatch(/the manifest has the digest [0-9a-f]{64}, the operator's manifest_digest is a{64}/);
  });

  it("is an issue of a reload that pins another", async () => {
    await using it = await setting("grant: allowlist");
    const text = configOf(it.upstream.url, it.service.port, `manifest_digest: ${OTHER}`, LISTED);
    await writeFile(`${it.gateway.configFile}.new`, text);
    await rename(`${it.gateway.configFile}.new`, it.gateway.configFile);
    expect(await reload(it.gateway)).toMatchObject({
      outcome: "rejected",
      issues: [expect.stringContaining("manifest_digest is aaa")],
    });
    expect(await marks(it)).toEqual([200, ["one", "two"]]);
  });
});
