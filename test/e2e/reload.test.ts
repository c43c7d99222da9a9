import { createHash } from "node:crypto";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { begin, send, whole } from "../support/http-client.ts";
import { startGateway, withPreamble, type TestGateway } from "../support/start-gateway.ts";
import { listening, startSallyport } from "../support/start-sallyport.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** Small configurations that differ by a label, and so by their revision. */
const labelled = (upstream: string, label: string): string => `upstreams: { echo: { endpoints: ["${upstream}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo, labels: { build: "${label}" } }]
`;

/** The same with a mistake in its last line. */
const broken = (upstream: string, label: string): string => `${labelled(upstream, label)}no_such_key: ${label}\n`;

/** Where that mistake stands. */
const BROKEN_AT = `:${withPreamble(broken("x", "y")).trimEnd().split("\n").length}:1: /no_such_key: unknown key`;

/** Replaces a file whole, so that nobody ever reads half of it. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

const write = (gateway: TestGateway, config: string): Promise<void> => replace(gateway.configFile, withPreamble(config));

interface Outcome {
  readonly outcome: "swapped" | "unchanged" | "rejected";
  readonly revision: string;
  readonly warnings?: readonly string[];
  readonly issues?: readonly string[];
}

async function reload({ adminUrl, adminToken }: TestGateway): Promise<Outcome & { readonly status: number }> {
  const answer = await send(`${adminUrl}/admin/reload`, { method: "POST", headers: { authorization: `Bearer ${adminToken}` } });
  return { status: answer.status, ...(answer.json() as unknown as Outcome) }; // compared below
}

async function plan({
  adminUrl,
  adminToken,
}: TestGateway): Promise<{ readonly revision: string; readonly labels: Readonly<Record<string, string>> }> {
  const answer = await send(`${adminUrl}/admin/plan`, { headers: { authorization: `Bearer ${adminToken}` } });
  const { revision, routes } = answer.json() as { revision: string; routes: { labels: Record<string, string> }[] }; // the plan's shape
  return { revision, labels: routes[0]?.labels ?? {} };
}

const reloads = (gateway: TestGateway, label: string): Promise<void> =>
  vi.waitFor(async () => expect((await plan(gateway)).labels).toEqual({ build: label }), { timeout: 10_000, interval: 25 });

describe("POST /admin/reload", () => {
  it("answers what came of it: swapped, unchanged, or rejected with every issue at its place", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: labelled(upstream.url, "one") });
    const { revision } = await plan(gateway);
    expect(await reload(gateway)).toEqual({ status: 200, outcome: "unchanged", revision });

    await write(gateway, labelled(upstream.url, "two"));
    const swapped = await reload(gateway);
    // the watch may have been quicker
    expect(swapped).toMatchObject({
      status: 200,
      outcome: expect.stringMatching(/^(swapped|unchanged)$/),
      revision: expect.not.stringMatching(revision),
    });
    expect(await plan(gateway)).toEqual({ revision: swapped.revision, labels: { build: "two" } });

    await write(gateway, broken(upstream.url, "three"));
    const rejected = await reload(gateway);
    expect(rejected).toEqual({
      status: 422,
      outcome: "rejected",
      revision: swapped.revision,
      issues: [expect.stringContaining(`gateway.yaml${BROKEN_AT}`)],
    });
    expect((await plan(gateway)).labels).toEqual({ build: "two" });
    expect((await send(`${gateway.url}/x`)).status).toBe(200);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^sallyport_config_reload_total\{result="rejected"\} \d+$/m);
  });

  it("says what only a restart takes up", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: labelled(upstream.url, "one") });
    const quieter = withPreamble(labelled(upstream.url, "one")).replace("level: debug", "level: info");
    await writeFile(gateway.configFile, quieter);
    await reload(gateway);
    const line = await gateway.lineWhere(({ event }) => event === "config_reloaded");
    expect(line["warnings"]).toEqual(["a change of /log/level takes effect after a restart"]);
  });
});

describe("a changed file is taken up", () => {
  it("when it is written in place", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: labelled(upstream.url, "one") });
    await writeFile(gateway.configFile, withPreamble(labelled(upstream.url, "two")));
    await reloads(gateway, "two");
    expect(await gateway.lineWhere(({ event }) => event === "config_reloaded")).toMatchObject({ level: "info", reason: "file" });
  });

  it("when another one is renamed onto it, twice", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: labelled(upstream.url, "one") });
    for (const label of ["two", "three"]) {
      await write(gateway, labelled(upstream.url, label));
      await reloads(gateway, label);
    }
  });

  it("when a link on the way to it is switched, as Kubernetes does with mounted files", async () => {
    await using upstream = await startUpstream();
    const version = async (directory: string, name: string, text: string): Promise<void> => {
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, "gateway.yaml"), text);
      await symlink(name, join(directory, "..data_tmp"));
      await rename(join(directory, "..data_tmp"), join(directory, "..data"));
    };
    await using gateway = await startGateway({
      config: labelled(upstream.url, "one"),
      async place(path, text) {
        await version(dirname(path), "..2026_01", text);
        await symlink(join("..data", "gateway.yaml"), path);
      },
    });
    for (const [index, label] of ["two", "three"].entries()) {
      await version(gateway.directory, `..2026_1${index}`, withPreamble(labelled(upstream.url, label)));
      await reloads(gateway, label);
    }
  });

  it("when it is one the configuration names: an api key is added, and taken back, while the gateway runs", async () => {
    const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
    const record = (id: string): string => `- { id: ${id}, sha256: ${sha256(id)}, principal: { id: ${id} } }\n`;
    await using upstream = await startUpstream();
    await using gateway = await startGateway({
      config: `upstreams: { echo: { endpoints: ["${upstream.url}"] } }
authenticators: { keys: { type: api-key, file: keys.yaml } }
routes: [{ name: everything, match: { path: /** }, authenticate: [keys], upstream: echo }]
`,
      files: { "keys.yaml": record("ann") },
    });
    const asked = async (name: string): Promise<number> =>
      (await send(gateway.url, { headers: { authorization: `Bearer ${name}` } })).status;
    const becomes = (name: string, status: number) =>
      vi.waitFor(async () => expect(await asked(name)).toBe(status), { timeout: 10_000, interval: 25 });
    expect([await asked("ann"), await asked("bea")]).toEqual([200, 401]);
    const keys = join(gateway.directory, "keys.yaml");
    await replace(keys, record("ann") + record("bea"));
    await becomes("bea", 200);
    await replace(keys, record("bea"));
    await becomes("ann", 401);
    // a key file that is half written keeps the keys there were
    await replace(keys, record("bea").slice(0, 40));
    const line = await gateway.lineWhere(({ event }) => event === "config_rejected", 10_000);
    expect(line["issues"]).toEqual([expect.stringMatching(/keys\.yaml:\d+:\d+: /)]);
    expect([await asked("ann"), await asked("bea")]).toEqual([401, 200]);
  });

  it("and a broken one is reported once with its place, however often it is looked at", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: labelled(upstream.url, "one") });
    await write(gateway, broken(upstream.url, "two"));
    const line = await gateway.lineWhere(({ event }) => event === "config_rejected", 10_000);
    expect(line).toMatchObject({ level: "error", issues: [expect.stringContaining(`gateway.yaml${BROKEN_AT}`)] });
    for (let looked = 0; looked < 3; looked += 1) expect((await reload(gateway)).outcome).toBe("rejected");
    expect(gateway.lines.filter(({ event }) => event === "config_rejected")).toHaveLength(1);
    await write(gateway, labelled(upstream.url, "three"));
    await reloads(gateway, "three");
    await write(gateway, broken(upstream.url, "two"));
    await vi.waitFor(() => expect(gateway.lines.filter(({ event }) => event === "config_rejected")).toHaveLength(2), {
      timeout: 10_000,
    });
  });
});

describe("SIGHUP", () => {
  it("reloads a running process", async () => {
    await using upstream = await startUpstream();
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("gateway.yaml"), withPreamble(labelled(upstream.url, "one")));
    await using gateway = startSallyport(["run", "gateway.yaml", "--json"], { cwd: directory.path });
    await listening(gateway);
    gateway.signal("SIGHUP");
    await gateway.until(({ stdout }) => /"config_unchanged","reason":"signal"/.test(stdout));
    await replace(directory.file("gateway.yaml"), withPreamble(labelled(upstream.url, "two")));
    gateway.signal("SIGHUP");
    // whoever looks first, the watch or the signal, says that it was swapped
    await gateway.until(({ stdout }) => /"event":"config_reloaded"/.test(stdout));
    gateway.signal("SIGTERM");
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
  });
});

describe("a reload under way", () => {
  it("lets an exchange finish on the plan it began with", async () => {
    const held = Promise.withResolvers<ServerResponse>();
    await using old = await startStreamingUpstream((_request, response) => held.resolve(response));
    await using next = await startUpstream();
    await using gateway = await startGateway({ config: labelled(old.url, "one") });
    const before = await plan(gateway);
    const { request, response } = begin(`${gateway.url}/held`);
    request.end();
    const atUpstream = await held.promise;
    atUpstream.write("half, ");
    await write(gateway, labelled(next.url, "two"));
    await reload(gateway);
    const after = await plan(gateway);
    expect((await send(`${gateway.url}/next`)).text).toBe('{"ok":true}');
    atUpstream.end("and the rest");
    expect((await whole(await response)).text).toBe("half, and the rest");
    const revisionOf = async (path: string) => (await gateway.lineWhere((line) => line["path"] === path))["revision"];
    expect([await revisionOf("/held"), await revisionOf("/next")]).toEqual([before.revision, after.revision]);
    expect(after.revision).not.toBe(before.revision);
  });

  it("of 200, every second one broken, fails no request under steady load, and only good configurations are ever in force", async () => {
    await using upstream = await startUpstream();
    await using wrong = await startUpstream();
    await using gateway = await startGateway({ config: labelled(upstream.url, "0") });
    const good = new Set([(await plan(gateway)).revision]);
    const load = new SteadyLoad(gateway.url, 6);
    // a reload takes a few milliseconds: without waiting there would be more reloads than requests
    const someRequests = (from: number) =>
      vi.waitFor(() => expect(load.sent).toBeGreaterThan(from + 2), { timeout: 5_000, interval: 3 });
    for (let round = 1; round <= 100; round += 1) {
      // served, it would send everything somewhere else
      await write(gateway, broken(wrong.url, `broken-${round}`));
      const rejected = await reload(gateway);
      expect(rejected).toMatchObject({ outcome: "rejected", issues: [expect.stringContaining(BROKEN_AT)] });
      expect(good).toContain(rejected.revision);
      await write(gateway, labelled(upstream.url, String(round)));
      const { outcome, revision } = await reload(gateway);
      expect(outcome).not.toBe("rejected");
      good.add(revision);
      await someRequests(load.sent);
    }
    const { sent, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(good.size).toBe(101);
    expect(wrong.seen).toEqual([]);
    await vi.waitFor(() => expect(gateway.exchanges()).toHaveLength(sent), { timeout: 5_000 });
    const inForce = new Set(gateway.exchanges().map((line) => String(line["revision"])));
    expect([...inForce].filter((revision) => !good.has(revision))).toEqual([]);
    expect(inForce.size).toBeGreaterThan(50);
    // each broken state once, whoever saw it first
    const reported = gateway.lines.filter(({ event }) => event === "config_rejected");
    expect(reported).toHaveLength(100);
    for (const line of reported) expect(line["issues"]).toEqual([expect.stringContaining(BROKEN_AT)]);
  });
});
