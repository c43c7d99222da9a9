import { describe, expect, it } from "vitest";
import { prometheusMetrics } from "../../../src/adapters/telemetry/prometheus-metrics.ts";
import { buildGeneration, type BuildDeps } from "../../../src/app/generations.ts";
import { Reloader } from "../../../src/app/reloader.ts";
import { OpenEventStreams } from "../../../src/app/open-event-streams.ts";
import { ResourcePool } from "../../../src/app/resource-pool.ts";
import type { Manifest } from "../../../src/model/manifest.ts";
import { ok } from "../../../src/model/result.ts";
import { configOf, minimal } from "../../support/config-text.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeReviewClient } from "../../support/fake-review-client.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { fixedIds } from "../../support/fixed-ids.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const manifestOf = (name: string, version: string): Manifest => ({
  name,
  version,
  bindings: [],
  expectedAudience: "",
  stateScope: "none",
  revokes: false,
});

const CONFIG = minimal(`interceptors:
  - { name: changing, endpoint: "grpc://127.0.0.1:7001", allow_insecure: true, grant: dynamic }
  - { name: quiet, endpoint: "grpc://127.0.0.1:7002", allow_insecure: true, grant: dynamic }
`);

/** A reloader over two services that answered, of which the test says what they answer next and whom they are trusted by. */
async function reloading() {
  const clients = {
    changing: new FakeReviewClient({ manifest: manifestOf("changing", "1") }),
    quiet: new FakeReviewClient({ manifest: manifestOf("quiet", "1") }),
  };
  const trusts = { changing: "ca-1", quiet: "ca-1" };
  const [pool, clock, log] = [new ResourcePool(), new FakeClock(), new MemoryLog()];
  const isKnown = (name: string): name is keyof typeof clients => name in clients;
  const deps: BuildDeps = {
    acquire: {
      client: async ({ name }) => {
        if (!isKnown(name)) throw new Error(name);
        return ok({ resource: clients[name], release: async () => {}, trust: trusts[name] });
      },
      upstream: async ({ name }) => ok(pool.acquire(name, () => new FakeUpstream())),
    },
    resources: { metrics: prometheusMetrics(), clock, ids: fixedIds(), eventStreams: new OpenEventStreams(clock) },
    log,
  };
  const loaded = await configOf(CONFIG);
  const built = await buildGeneration(loaded, deps, { before: undefined });
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  let gate = Promise.resolve();
  const reloader = new Reloader(
    { built: built.value, fingerprint: "one" },
    {
      ...deps,
      metrics: deps.resources.metrics,
      prepare: async () => ok({ commit: (swap) => swap(), abandon: async () => {} }),
      load: async () => {
        await gate;
        return ok({ loaded, fingerprint: "one" });
      },
      onSwapped: async () => [],
    },
  );
  return { reloader, clients, trusts, log, holdLoads: (until: Promise<void>) => void (gate = until) };
}

describe("a reload", () => {
  it("asks everybody where an operator joined one that began without him (C30)", async () => {
    const { reloader, clients, holdLoads } = await reloading();
    let letGo = (): void => {};
    holdLoads(new Promise((resolve) => (letGo = resolve)));
    const asked = clients.quiet.described.length;
    const first = reloader.reload("file");
    await Promise.resolve();
    await Promise.resolve();
    const [second, joined] = [reloader.reload("file"), reloader.reload("admin")];
    letGo();
    expect([(await first).kind, (await second).kind, (await joined).kind]).toEqual(["unchanged", "unchanged", "unchanged"]);
    expect(clients.quiet.described.length - asked).toBe(1);
    expect((await reloader.reload("file")).kind).toBe("unchanged");
    expect(clients.quiet.described.length - asked).toBe(1);
    await reloader.close();
  });
});

describe("a reload with other authorities", () => {
  const SILENT = { kind: "timeout", message: "no manifest within 2000 ms" } as const;

  it("is refused where one was added and the service does not answer: what was verified stays (C32)", async () => {
    const { reloader, clients, trusts } = await reloading();
    trusts.quiet = "ca-1 ca-2";
    clients.quiet.manifest = SILENT;
    expect(await reloader.reload("admin")).toMatchObject({ kind: "rejected" });
    expect(reloader.built.manifests.get("quiet")?.version).toBe("1");
    await reloader.close();
  });

  it("goes through where one was taken out, answered or not: whoever keeps silent does not keep its trust", async () => {
    const { reloader, clients, trusts } = await reloading();
    trusts.quiet = "ca-1 ca-2";
    expect(await reloader.reload("admin")).toMatchObject({ kind: "swapped" });
    trusts.quiet = "ca-2";
    clients.quiet.manifest = SILENT;
    expect(await reloader.reload("admin")).toMatchObject({ kind: "swapped" });
    expect([reloader.built.manifests.has("quiet"), reloader.built.undescribed.get("quiet")]).toEqual([false, SILENT.message]);
    expect(reloader.built.trusts.get("quiet")).toBe("ca-2");
    await reloader.close();
  });
});

describe("a manifest that is taken by itself", () => {
  it("leaves alone whom it does not concern", async () => {
    const { reloader, clients } = await reloading();
    const asked = clients.quiet.described.length;
    clients.changing.manifest = manifestOf("changing", "2");
    clients.changing.wantDescribe();
    await expect.poll(() => reloader.built.manifests.get("changing")?.version).toBe("2");
    expect(clients.quiet.described.length).toBe(asked);
    await reloader.close();
  });

  it("vouches for nobody: a service that is trusted by others since has to answer again (C32)", async () => {
    const { reloader, clients, trusts, log } = await reloading();
    trusts.quiet = "ca-1 ca-2";
    clients.quiet.manifest = { kind: "unavailable", message: "refused" };
    clients.changing.manifest = manifestOf("changing", "2");
    clients.changing.wantDescribe();
    await expect.poll(() => log.events).toContain("manifest_refused");
    expect(reloader.built.trusts.get("quiet")).toBe("ca-1");
    clients.quiet.manifest = manifestOf("quiet", "1");
    clients.changing.wantDescribe();
    await expect.poll(() => reloader.built.manifests.get("changing")?.version).toBe("2");
    expect(reloader.built.trusts.get("quiet")).toBe("ca-1 ca-2");
    await reloader.close();
  });
});
