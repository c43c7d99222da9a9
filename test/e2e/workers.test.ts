import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { EveryClient, REPEATS_NOTHING } from "../support/every-client.ts";
import { startEveryUpstream } from "../support/every-upstream.ts";
import { freePort } from "../support/free-port.ts";
import { begin, send, whole } from "../support/http-client.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { readMetrics } from "./support/metrics.ts";
import { isAlive, oneToEach, withWorkers, type WithWorkers } from "./support/with-workers.ts";

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream?.[Symbol.asyncDispose]());

/** One route to `url`; the label makes plans differ. */
const sections = (url = upstream.url, label = "one"): string => `drain: 10s
upstreams: { echo: { endpoints: ["${url}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo, labels: { build: "${label}" } }]
`;

async function start(options: Partial<Parameters<typeof withWorkers>[0]> = {}): Promise<WithWorkers> {
  const gateway = await withWorkers({ sections: sections(), ...options });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return gateway;
}

const requestsTotal = async (gateway: WithWorkers): Promise<number> =>
  (await readMetrics(gateway))("sallyport_requests_total", { route: "everything", status_class: "2xx" });

interface Checks {
  readonly status: string;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly reason?: string }[];
}

const ready = async (gateway: WithWorkers): Promise<{ readonly code: number } & Checks> => {
  const answer = await send(`${gateway.adminUrl}/ready`);
  return { code: answer.status, ...(answer.json() as unknown as Checks) }; // the shape of /ready
};

/** A connection to one worker and one to the other; the test knows that there are two. */
async function both(gateway: WithWorkers) {
  const found = await oneToEach(gateway);
  const [one, two] = [found.get(1), found.get(2)];
  if (one === undefined || two === undefined) throw new Error("all connections went to one worker");
  return { one, two };
}

describe("a gateway with workers (C37)", () => {
  it("serves over all of them, each saying in its lines which it is, and counts as one", async () => {
    const gateway = await start();
    const { one, two } = await both(gateway);
    const before = await requestsTotal(gateway);
    for (let index = 0; index < 20; index += 1) {
      expect((await one.send("/a")).status).toBe(200);
      expect((await two.send("/b")).status).toBe(200);
    }
    expect(await requestsTotal(gateway)).toBe(before + 40);
    const metric = await readMetrics(gateway);
    expect([metric("sallyport_workers_serving", {}), metric("sallyport_worker_exits_total", {})]).toEqual([2, 0]);
    expect(metric("sallyport_connections", { listener: "public" })).toBe(2);
    expect((await gateway.lineWhere(({ path }) => path === "/a"))["worker"]).toBe(1);
    expect((await gateway.lineWhere(({ path }) => path === "/b"))["worker"]).toBe(2);
    expect(await ready(gateway)).toMatchObject({ code: 200, status: "ready" });
    const plan = (await gateway.admin("/admin/plan")).json();
    expect(plan["routes"]).toMatchObject([{ name: "everything" }]);
  });

  it("replaces a worker that is killed; what the other serves goes on unharmed, and no total falls", async () => {
    const gateway = await start();
    const { one, two } = await both(gateway);
    for (let index = 0; index < 10; index += 1) await one.send("/before");
    const before = await requestsTotal(gateway);
    const pid = gateway.pids().get(1) ?? 0;
    process.kill(pid, "SIGKILL");
    const answers: number[] = [];
    await vi.waitFor(
      async () => {
        answers.push((await two.send("/meanwhile")).status);
        expect(gateway.pids().get(1)).not.toBe(pid);
      },
      { timeout: 10_000, interval: 5 },
    );
    expect(answers.filter((status) => status !== 200)).toEqual([]);
    expect(await gateway.lineWhere(({ event }) => event === "worker_exited")).toMatchObject({
      level: "error",
      worker: 1,
      worker_pid: pid,
      signal: "SIGKILL",
    });
    await both(gateway);
    expect(await requestsTotal(gateway)).toBeGreaterThanOrEqual(before + answers.length);
    expect((await readMetrics(gateway))("sallyport_worker_exits_total", {})).toBe(1);
    await vi.waitFor(async () => expect(await ready(gateway)).toMatchObject({ code: 200, status: "ready" }));
  });

  it("says in /ready which workers do not serve, and lets nobody in where none does", async () => {
    const gateway = await start();
    for (const pid of gateway.pids().values()) process.kill(pid, "SIGKILL");
    const seen: string[] = [];
    await vi.waitFor(
      async () => {
        const { code, checks } = await ready(gateway);
        const workers = checks.find(({ name }) => name === "workers");
        seen.push(`${code} ${workers?.reason ?? ""}`);
        expect(seen).toContain("503 0 of 2 serve by the plan in force");
        expect([code, workers?.ok]).toEqual([200, true]);
      },
      { timeout: 10_000, interval: 10 },
    );
    expect((await send(`${gateway.url}/again`)).status).toBe(200);
  });

  it("swaps the plan in every worker before a reload is answered, and drops no request while it does", async () => {
    const gateway = await start();
    const load = new SteadyLoad(gateway.url, 4);
    const { one, two } = await both(gateway);
    for (let round = 0; round < 5; round += 1) {
      await gateway.save(sections(upstream.url, `round-${round}`));
      const outcome = (await gateway.admin("/admin/reload", { method: "POST" })).json();
      expect(outcome["outcome"]).toMatch(/^(swapped|unchanged)$/);
      await one.send(`/after/${round}/1`);
      await two.send(`/after/${round}/2`);
      for (const worker of [1, 2]) {
        const line = await gateway.lineWhere(({ path }) => path === `/after/${round}/${worker}`);
        expect([line["worker"], line["revision"]]).toEqual([worker, outcome["revision"]]);
      }
    }
    const { sent, failures } = await load.stop();
    expect([sent > 50, failures]).toEqual([true, []]);
  });

  it("keeps the last good plan in all workers, those included that are started later", async () => {
    const gateway = await start();
    await gateway.save(`${sections()}no_such_key: 1\n`);
    expect((await gateway.admin("/admin/reload", { method: "POST" })).status).toBe(422);
    const pid = gateway.pids().get(2) ?? 0;
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(gateway.pids().get(2)).not.toBe(pid), { timeout: 10_000 });
    const { one, two } = await both(gateway);
    expect([(await one.send("/a")).status, (await two.send("/b")).status]).toEqual([200, 200]);
  });

  it("replaces a worker that gets SIGTERM without dropping or refusing anything, again and again", async () => {
    const gateway = await start();
    const load = new SteadyLoad(gateway.url, 4);
    for (let roll = 0; roll < 6; roll += 1) {
      const worker = 1 + (roll % 2);
      const pid = gateway.pids().get(worker) ?? 0;
      process.kill(pid, "SIGTERM");
      await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
      await vi.waitFor(() => expect(gateway.pids().get(worker)).not.toBe(pid));
    }
    const { sent, failures } = await load.stop();
    expect(failures).toEqual([]);
    // what a worker counted that left in order is not lost
    expect(await requestsTotal(gateway)).toBe(sent);
    expect((await readMetrics(gateway))("sallyport_worker_exits_total", {})).toBe(0);
  }, 60_000);
});

describe("a roll", () => {
  it("replaces all workers, one after the other, while no request fails", async () => {
    const gateway = await start();
    const load = new SteadyLoad(gateway.url, 4);
    const before = gateway.pids();
    const rolled = await gateway.admin("/admin/roll", { method: "POST" });
    expect([rolled.status, rolled.json()]).toEqual([200, { replaced: [1, 2], kept: [] }]);
    // workers say their pids in the log, which may come behind the answer
    await vi.waitFor(() => {
      for (const worker of [1, 2]) expect(gateway.pids().get(worker)).not.toBe(before.get(worker));
    });
    for (const pid of before.values()) expect(isAlive(pid)).toBe(false);
    const { sent, failures } = await load.stop();
    expect([sent > 100, failures]).toEqual([true, []]);
    expect(await requestsTotal(gateway)).toBe(sent);
  }, 60_000);

  it("lets every kind of client go on: streams end where they end by themselves, WebSockets are told to come back", async () => {
    await using every = await startEveryUpstream();
    const more = "drain: 4s\noverload: { loop_delay: 5s }\n";
    const gateway = await start({ sections: `${more}${every.sections}`, listener: ", protocols: [http1, h2c]" });
    const clients = new EveryClient(Number(new URL(gateway.url).port));
    const rolled = await gateway.admin("/admin/roll", { method: "POST" });
    expect(rolled.json()).toEqual({ replaced: [1, 2], kept: [] });
    const reports = await clients.stop();
    const failed = reports.filter(({ kind, failures }) => kind !== REPEATS_NOTHING && failures.length > 0);
    expect(failed).toEqual([]);
    for (const { begun } of reports) expect(begun).toBeGreaterThan(2);
  }, 60_000);
});

describe("listeners of a gateway with workers", () => {
  /** The same with these listeners. */
  const withDoors = (doors: string): string => `version: 1
workers: 2
listeners: [${doors}]
admin: { address: "127.0.0.1:0", token_file: admin-token }
${sections()}`;

  it("are opened, changed and closed by a reload in every worker, and nobody is refused by the others", async () => {
    const gateway = await start();
    const [, port = ""] = /:(\d+)$/.exec(gateway.url) ?? [];
    const added = await freePort();
    const load = new SteadyLoad(gateway.url, 4);
    const first = '{ name: public, address: "127.0.0.1:0"';
    const reload = async (doors: string): Promise<unknown> => {
      await gateway.saveFile("gateway.yaml", withDoors(doors));
      return (await gateway.admin("/admin/reload", { method: "POST" })).json();
    };
    const statuses = (at: number | string): Promise<readonly number[]> =>
      Promise.all(
        Array.from(
          { length: 4 },
          async () => (await send(`http://127.0.0.1:${at}/x`, { headers: { connection: "close" } })).status,
        ),
      );
    await reload(`${first} }, { name: added, address: "127.0.0.1:${added}" }`);
    expect(await statuses(added)).toEqual([200, 200, 200, 200]);
    await reload(`${first}, limits: { uri_bytes: 1KiB } }, { name: added, address: "127.0.0.1:${added}" }`);
    const long = await Promise.all(Array.from({ length: 4 }, () => send(`${gateway.url}/${"x".repeat(2_000)}`)));
    expect(long.map(({ status }) => status)).toEqual([414, 414, 414, 414]);
    await reload(`${first}, limits: { uri_bytes: 1KiB } }`);
    await vi.waitFor(() => expect(send(`http://127.0.0.1:${added}/x`)).rejects.toThrow(/ECONNREFUSED/), { timeout: 5_000 });
    expect(await reload(`${first} }, { name: same, address: "127.0.0.1:${port}" }`)).toMatchObject({
      outcome: "rejected",
      issues: [expect.stringMatching(/^listener same cannot listen: .*EADDRINUSE/)],
    });
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    // a worker that is started later opens what is in force
    const pid = gateway.pids().get(1) ?? 0;
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(gateway.pids().get(1)).not.toBe(pid), { timeout: 10_000 });
    expect(await statuses(port)).toEqual([200, 200, 200, 200]);
  });
});

describe("the end of a gateway with workers", () => {
  it("by SIGTERM lets what is under way finish in each, and leaves no process behind", async () => {
    const held: ServerResponse[] = [];
    await using slow = await startStreamingUpstream((request, response) => {
      if (request.url?.startsWith("/held") === true) held.push(response);
      else response.end("ok");
    });
    const gateway = await start({ sections: sections(slow.url) });
    const pids = [...gateway.pids().values()];
    const begun = Array.from({ length: 6 }, (_, index) => begin(`${gateway.url}/held/${index}`));
    for (const { request } of begun) request.end();
    await vi.waitFor(() => expect(held).toHaveLength(6));
    gateway.process.signal("SIGTERM");
    await gateway.lineWhere(({ event }) => event === "draining");
    expect(await ready(gateway)).toMatchObject({ code: 503, status: "not_ready" });
    for (const response of held) response.end("finished");
    const answers = await Promise.all(begun.map(async ({ response }) => whole(await response)));
    expect(answers.map(({ status, text }) => `${status} ${text}`)).toEqual(answers.map(() => "200 finished"));
    expect(await gateway.process.ended).toEqual({ code: 0, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    const lines = gateway.process.lines();
    expect(lines.filter(({ event }) => event === "exchange")).toHaveLength(6);
    expect(lines.at(-1)).toMatchObject({ event: "stopped" });
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("by Ctrl-C, which reaches every process of a terminal, is the same", async () => {
    const gateway = await start();
    for (const pid of gateway.pids().values()) process.kill(pid, "SIGINT");
    gateway.process.signal("SIGINT");
    expect(await gateway.process.ended).toEqual({ code: 0, signal: null });
    expect(gateway.process.lines().filter(({ level }) => level === "error")).toEqual([]);
  });

  it("by SIGKILL takes the workers along", async () => {
    const gateway = await start();
    const pids = [...gateway.pids().values()];
    expect(pids.map(isAlive)).toEqual([true, true]);
    gateway.process.signal("SIGKILL");
    await gateway.process.ended;
    await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 10_000 });
  });

  it("comes before its beginning where a worker cannot listen, with one line that says why", async () => {
    const taken = new URL(upstream.url).port;
    await expect(
      withWorkers({ sections: sections(), listener: ` }, { name: taken, address: "127.0.0.1:${taken}"` }),
    ).rejects.toThrow(/listener taken cannot listen: .*EADDRINUSE/);
  });
});
