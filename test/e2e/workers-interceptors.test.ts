import { X509Certificate } from "node:crypto";
import { connect as connectTcp, type Socket } from "node:net";
import { once } from "node:events";
import { connect } from "node:tls";
import { DescribeRequest, type ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { allow, binding, defineInterceptor } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "../../src/cli/demo/free-port.ts";
import { testCertificates } from "../support/certificates.ts";
import { send } from "../support/http-client.ts";
import { gatewayFiles, startInterceptor, TLS } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { allowing, describing, testInterceptor, verdict, type TestInterceptor } from "../support/test-interceptor.ts";
import { manifestOf, type Answers, type Declares } from "./support/scripted.ts";
import { isAlive, oneToEach, withWorkers, type WithWorkers } from "./support/with-workers.ts";

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream?.[Symbol.asyncDispose]());

function use<Part extends AsyncDisposable>(part: Part): Part {
  onTestFinished(() => part[Symbol.asyncDispose]());
  return part;
}

const CHECK: Declares = { id: "check", phase: "pre-route", mode: "mutate", needs: ["/request/path"], cacheable: true };

/** A configuration that asks the service on `port` about everything. */
const sections = (port: number, own = ""): string => `
gateway_identity: { id: door-7 }
upstreams: { main: { endpoints: ["${upstream.url}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }]
interceptors:
  - name: scripted
    endpoint: grpcs://127.0.0.1:${port}
    tls: ${TLS}
    timeout: 5s
    ${own}
    bindings: [{ id: check, phase: pre-route, mode: mutate }]
`;

interface Place {
  readonly service: TestInterceptor;
  readonly gateway: WithWorkers;
  readonly reviews: readonly ReviewRequest[];
  /** What it declares from now on. */
  declare(version: string): void;
}

/** A service that answers so, and a gateway of two workers that asks it. */
async function asking(answers: Answers, own = ""): Promise<Place> {
  const { ca, server } = await testCertificates();
  const reviews: ReviewRequest[] = [];
  const state = { manifest: manifestOf([CHECK]) };
  const service = use(
    await testInterceptor(
      (call) =>
        describing(state.manifest, (request, of) => {
          reviews.push(request);
          return answers(request, of);
        })(call),
      { tls: { ca, ...(await server()) } },
    ),
  );
  service.watch = "offered";
  const gateway = use(await withWorkers({ sections: sections(service.port, own), files: await gatewayFiles() }));
  return { service, gateway, reviews, declare: (version) => (state.manifest = { ...state.manifest, version }) };
}

const allowFor =
  (ttlMs: number, ...tags: string[]): Answers =>
  ({ reviewId }) =>
    verdict({ kind: "allow", patches: [], annotations: [], warnings: [], cache: { ttlMs, tags } }, reviewId);

async function both(gateway: WithWorkers) {
  const found = await oneToEach(gateway);
  const [one, two] = [found.get(1), found.get(2)];
  if (one === undefined || two === undefined) throw new Error("all connections went to one worker");
  return { one, two };
}

describe("interceptors of a gateway with workers (C37)", () => {
  it("are described by each process, asked by each worker, and shown once", async () => {
    const { gateway, service, reviews } = await asking(({ reviewId }) => allowing(reviewId));
    const { one, two } = await both(gateway);
    const before = reviews.length;
    expect([(await one.send("/a")).status, (await two.send("/b")).status]).toEqual([200, 200]);
    expect(reviews.length).toBe(before + 2);
    // the control process and two workers; each says what the service may see at once of all of them
    expect(service.connections).toBe(3);
    const told = service.calls
      .filter(({ method }) => method.endsWith("/Describe"))
      .map(({ message }) => DescribeRequest.decode(message));
    expect(told.map(({ limits }) => limits?.maxConcurrentReviews)).toEqual([256 + 16 + 64, 256 + 16 + 64, 256 + 16 + 64]);
    const { interceptors } = (await gateway.admin("/admin/interceptors")).json();
    expect(interceptors).toMatchObject([
      { name: "scripted", described: true, granted: ["check (pre-route)"], endpoints: [{ state: "serving", in_flight: 0 }] },
    ]);
  });

  it("answer for each worker from its own kept verdicts, until a revoke, which all have heeded once it is answered", async () => {
    const { gateway, reviews } = await asking(allowFor(60_000, "plan"), "cache: {}");
    const { one, two } = await both(gateway);
    const asked = async (): Promise<number> => {
      const before = reviews.length;
      for (const each of [one, two, one, two]) expect((await each.send("/kept")).status).toBe(200);
      return reviews.length - before;
    };
    expect(await asked()).toBe(2);
    expect(await asked()).toBe(0);
    const revoke = (body: object) => gateway.admin("/admin/revoke", { method: "POST", body: JSON.stringify(body) });
    const answer = await revoke({ interceptor: "scripted", tags: ["plan"] });
    // the probes of both connections were kept, too
    expect([answer.status, Number(answer.json()["forgotten"]) >= 2]).toEqual([200, true]);
    expect(await asked()).toBe(2);
    expect((await revoke({ interceptor: "nobody", tags: ["plan"] })).status).toBe(404);
  });

  it("are asked again by a worker that did not confirm a revoke, for it is another one by then", async () => {
    const { gateway, reviews } = await asking(allowFor(60_000, "plan"), "cache: {}");
    const { one, two } = await both(gateway);
    for (const each of [one, two]) await each.send("/kept");
    const pid = gateway.pids().get(1) ?? 0;
    process.kill(pid, "SIGSTOP");
    const answer = await gateway.admin("/admin/revoke", {
      method: "POST",
      body: JSON.stringify({ interceptor: "scripted", tags: ["plan"] }),
    });
    expect([answer.status, isAlive(pid)]).toEqual([200, false]);
    await vi.waitFor(() => expect(gateway.pids().get(1)).not.toBe(pid), { timeout: 10_000 });
    const again = await both(gateway);
    const before = reviews.length;
    for (const each of [again.one, again.two]) expect((await each.send("/kept")).status).toBe(200);
    expect(reviews.length).toBe(before + 2);
  });

  it("that fail are given up by each worker for itself, and shown as the worst of them", async () => {
    const { gateway } = await asking(
      () => ({ kind: "status", code: 14, details: "broken" }),
      "breaker: { failures: 2, open: 30s }",
    );
    const { one } = await both(gateway);
    for (let tries = 0; tries < 3; tries += 1) await one.send("/fails");
    await vi.waitFor(
      async () => {
        const { interceptors } = (await gateway.admin("/admin/interceptors")).json();
        expect(interceptors).toMatchObject([{ endpoints: [{ state: "open" }] }]);
        const check = (await send(`${gateway.adminUrl}/ready`)).json()["checks"];
        expect(check).toContainEqual(expect.objectContaining({ name: "interceptor/scripted", ok: false }));
      },
      { timeout: 5_000 },
    );
    const metrics = (await send(`${gateway.adminUrl}/metrics`)).text;
    expect(metrics).toMatch(/^sallyport_interceptor_breaker_open\{interceptor="scripted",endpoint="[^"]+"\} 1$/m);
  });

  it("whose manifest changes wait for a reload, which takes it in every worker", async () => {
    const { gateway, service, declare } = await asking(({ reviewId }) => allowing(reviewId));
    const { one, two } = await both(gateway);
    declare("2.0.0");
    await service.kill();
    const back = use(
      await testInterceptor(
        describing({ ...manifestOf([CHECK]), version: "2.0.0" }, ({ reviewId }) => allowing(reviewId)),
        {
          tls: { ca: (await testCertificates()).ca, ...(await (await testCertificates()).server()) },
          port: service.port,
        },
      ),
    );
    await gateway.lineWhere(({ event }) => event === "manifest_drift");
    const outcome = await gateway.admin("/admin/reload", { method: "POST" });
    expect([outcome.status, outcome.json()["outcome"]]).toEqual([200, "swapped"]);
    for (const each of [one, two]) {
      await vi.waitFor(async () => expect((await each.send("/a")).status).toBe(200));
    }
    expect(back.connections).toBe(3);
  });

  it("know it by tokens that the control process signs, of keys every worker's listener publishes", async () => {
    const guard = defineInterceptor({
      name: "scripted",
      bindings: { check: binding({ phase: "pre-route", mode: "mutate", needs: [], review: () => allow() }) },
    });
    const { ca, server } = await testCertificates();
    const { cert, key } = await server();
    const port = await freePort(0);
    const url = `https://localhost:${port}/.well-known/jwks.json`;
    const proof = {
      identity: "jwt",
      issuer: "urn:sallyport:door-7",
      audience: "urn:sallyport:interceptor:scripted",
      jwks: { url, ca },
    };
    const interceptor = use(await startInterceptor(guard, 0, proof as Parameters<typeof startInterceptor>[2])); // a literal of that type
    const gateway = use(
      await withWorkers({
        sections: sections(interceptor.port),
        listener: ` }, { name: door, address: "127.0.0.1:${port}", tls: { certs: [{ cert_file: door.pem, key_file: door.key }] }, serves: [jwks]`,
        files: { ...(await gatewayFiles()), "door.pem": cert, "door.key": key },
      }),
    );
    await expect.poll(async () => (await send(`${gateway.url}/a`)).status, { timeout: 10_000, interval: 100 }).toBe(200);
    const { one, two } = await both(gateway);
    expect([(await one.send("/a")).status, (await two.send("/b")).status]).toEqual([200, 200]);
    const known = (await send(`${gateway.adminUrl}/.well-known/jwks.json`)).json();
    for (let count = 0; count < 4; count += 1)
      expect((await send(url, { tls: { ca, servername: "localhost" } })).json()).toEqual(known);
    for (const line of gateway.process.lines()) expect(JSON.stringify(line)).not.toContain("eyJ");
  });
});

describe("listeners of a gateway with workers", () => {
  it("show a renewed certificate in every worker after a reload", async () => {
    const { ca, server } = await testCertificates();
    const [first, second] = [await server(), await server()];
    const config = `upstreams: { echo: { endpoints: ["${upstream.url}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: echo }]
`;
    const listener = ", tls: { certs: [{ cert_file: door.pem, key_file: door.key }] }";
    const files = { "door.pem": first.cert, "door.key": first.key };
    const gateway = use(await withWorkers({ sections: config, listener, files }));
    const shown = async (): Promise<string | undefined> => {
      const socket = connect({ port: Number(new URL(gateway.url).port), host: "127.0.0.1", ca, servername: "localhost" });
      await once(socket, "secureConnect");
      const serial = socket.getPeerX509Certificate()?.serialNumber;
      socket.destroy();
      return serial;
    };
    const serials = async (): Promise<ReadonlySet<string | undefined>> =>
      new Set([await shown(), await shown(), await shown(), await shown()]);
    expect(await serials()).toEqual(new Set([new X509Certificate(first.cert).serialNumber]));
    await gateway.saveFile("door.key", second.key);
    await gateway.saveFile("door.pem", second.cert);
    expect((await gateway.admin("/admin/reload", { method: "POST" })).status).toBe(200);
    expect(await serials()).toEqual(new Set([new X509Certificate(second.cert).serialNumber]));
    // one that is started now has it from the control process, whatever is on disk
    await gateway.saveFile("door.pem", "half a certificate");
    const pid = gateway.pids().get(1) ?? 0;
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(gateway.pids().get(1)).not.toBe(pid), { timeout: 10_000 });
    expect(await serials()).toEqual(new Set([new X509Certificate(second.cert).serialNumber]));
  });

  it("take as many connections as one process would, over all workers", async () => {
    const config = `upstreams: { echo: { endpoints: ["${upstream.url}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: echo }]
`;
    const gateway = use(await withWorkers({ sections: config, listener: ", limits: { connections: 4 }" }));
    const sockets: Socket[] = [];
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    for (let count = 0; count < 12; count += 1) {
      const socket = connectTcp(Number(new URL(gateway.url).port), "127.0.0.1");
      socket.on("error", () => {});
      sockets.push(socket);
      await once(socket, "connect");
    }
    await vi.waitFor(() => expect(sockets.filter(({ closed }) => !closed)).toHaveLength(4));
    expect((await gateway.lineWhere(({ event }) => event === "connections_refused"))["max_connections"]).toBe(2);
  });
});
