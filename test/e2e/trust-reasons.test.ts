import { rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { testCertificates, type TestCertificate, type TestCertificates } from "../support/certificates.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { allowing, describing, testInterceptor, type TestInterceptor } from "../support/test-interceptor.ts";
import { ask, problemOf } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { manifestOf } from "./support/scripted.ts";

const BINDING = { id: "guard", phase: "pre-route", mode: "validate" } as const;

let certificates: TestCertificates;
let upstream: TestUpstream;
let parts: AsyncDisposableStack;

beforeAll(async () => {
  certificates = await testCertificates();
  upstream = await startUpstream();
});

afterAll(() => upstream?.[Symbol.asyncDispose]());

beforeEach(() => {
  parts = new AsyncDisposableStack();
});

afterEach(() => parts.disposeAsync());

/** A service that shows this certificate and allows everything. */
const serviceWith = async (pair: TestCertificate, port = 0): Promise<TestInterceptor> =>
  parts.use(
    await testInterceptor(
      describing(manifestOf([BINDING]), ({ reviewId }) => allowing(reviewId)),
      { tls: { ca: certificates.ca, ...pair }, port },
    ),
  );

/** A gateway whose route `guarded` is reviewed at these ports, fail-closed. */
async function gatewayAt(ports: readonly number[], files: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
  const { endpoint: _one, ...common } = interceptorAt(0, { timeout: "1s", bindings: [BINDING] });
  const config = configuration({
    upstreams: { main: { endpoints: [upstream.url] } },
    routes: [openRoute("guarded")],
    interceptors: [{ ...common, endpoints: ports.map((port) => `grpcs://127.0.0.1:${port}`) }],
  });
  return parts.use(await startGateway({ files: { ...(await gatewayFiles()), ...files }, config }));
}

/** The only interceptor, as `/admin/interceptors` shows it. */
async function shown({ adminUrl, adminToken }: TestGateway): Promise<unknown> {
  const answer = await fetch(`${adminUrl}/admin/interceptors`, { headers: { authorization: `Bearer ${adminToken}` } });
  // the shape is what these tests are about
  return ((await answer.json()) as { readonly interceptors: readonly unknown[] }).interceptors[0];
}

const refused = async (gateway: TestGateway): Promise<void> =>
  expect(problemOf(await ask(gateway, { path: "/guarded/a" }))).toMatchObject({ status: 503, code: "interceptor_unavailable" });

describe("a service that cannot be the interceptor", () => {
  it.each([
    ["whose certificate has expired", () => certificates.expired("server"), /^TLS: its certificate, .* has expired/],
    [
      "whose certificate is for another name",
      () => certificates.server("other.test"),
      /^TLS: .*DNS:other\.test, not for localhost$/,
    ],
    [
      "whose certificate another authority signed",
      () => certificates.other.server(),
      /^TLS: .* not signed by an authority in ca_file/,
    ],
    ["whose certificate is a client's", () => certificates.client("localhost"), /^TLS: its certificate is not for servers/],
  ])("%s is refused; the log and the admin listener say which endpoint, and why", async (_what, pair, reason) => {
    const service = await serviceWith(await pair());
    const gateway = await gatewayAt([service.port]);
    const endpoint = `grpcs://127.0.0.1:${service.port}`;
    const line = await gateway.lineWhere(({ event }) => event === "interceptor_refused");
    expect(line).toMatchObject({ interceptor: "scripted", endpoint, reason: expect.stringMatching(reason) });
    await refused(gateway);
    expect(await shown(gateway)).toMatchObject({
      described: false,
      endpoints: [{ url: endpoint, state: "connecting", fault: expect.stringMatching(reason) }],
      last_error: expect.stringMatching(reason),
    });
    expect(service.calls).toHaveLength(0);
  });

  it("does not keep the other endpoint from serving, and is shown beside it", async () => {
    const [honest, expired] = [
      await serviceWith(await certificates.server()),
      await serviceWith(await certificates.expired("server")),
    ];
    const gateway = await gatewayAt([honest.port, expired.port]);
    expect((await ask(gateway, { path: "/guarded/a" })).status).toBe(200);
    await gateway.lineWhere(({ event }) => event === "interceptor_refused");
    expect(await shown(gateway)).toMatchObject({
      endpoints: [{ state: "serving" }, { state: "connecting", fault: expect.stringMatching(/has expired/) }],
      last_error: expect.stringContaining(`grpcs://127.0.0.1:${expired.port}: TLS: `),
    });
    expect(expired.calls).toHaveLength(0);
  });
});

describe("a service whose authority is taken out of the bundle", () => {
  it("is not trusted from then on: its routes are closed, whoever was described before, until it shows another certificate", async () => {
    const service = await serviceWith(await certificates.other.server());
    const both = `${certificates.ca}\n${certificates.other.ca}`;
    const gateway = await gatewayAt([service.port], { "ca.pem": both });
    expect((await ask(gateway, { path: "/guarded/a" })).status).toBe(200);
    const bundle = join(dirname(gateway.configFile), "ca.pem");
    await writeFile(`${bundle}.new`, certificates.ca);
    await rename(`${bundle}.new`, bundle);
    await expect.poll(async () => (await ask(gateway, { path: "/guarded/a" })).status, { timeout: 8_000 }).toBe(503);
    const reason = expect.stringMatching(/not (?:signed by an authority )?in ca_file/);
    expect(await gateway.lineWhere(({ event }) => event === "interceptor_refused")).toMatchObject({ reason });
    expect(await shown(gateway)).toMatchObject({ described: false, endpoints: [{ fault: reason }], last_error: reason });
    const asked = service.calls.length;
    await refused(gateway);
    expect(service.calls).toHaveLength(asked);
    await service.kill();
    await serviceWith(await certificates.server(), service.port);
    await expect.poll(async () => (await ask(gateway, { path: "/guarded/a" })).status, { timeout: 8_000 }).toBe(200);
  }, 20_000);
});

describe("our own certificate", () => {
  it("is refused at load where it has expired", async () => {
    const { cert, key } = await certificates.expired("client");
    const service = await serviceWith(await certificates.server());
    await expect(gatewayAt([service.port], { "gateway.pem": cert, "gateway.key": key })).rejects.toThrow(/gateway\.pem.*expired/);
  });

  it("makes no connection once it has expired, and says so", async () => {
    const { cert, key } = await certificates.brief("client", 3_000);
    const pair = await certificates.server();
    const service = await serviceWith(pair);
    const gateway = await gatewayAt([service.port], { "gateway.pem": cert, "gateway.key": key });
    expect((await ask(gateway, { path: "/guarded/a" })).status).toBe(200);
    await service.kill();
    // certificates end at a full second
    await expect.poll(() => gateway.lines.some(({ event }) => event === "interceptor_connection_lost")).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const again = await serviceWith(pair, service.port);
    const line = await gateway.lineWhere(({ event }) => event === "interceptor_refused");
    expect(line).toMatchObject({ reason: expect.stringMatching(/^TLS: our own certificate \(cert_file\) has expired on /) });
    expect(again.connections).toBe(0);
    await refused(gateway);
  });
});
