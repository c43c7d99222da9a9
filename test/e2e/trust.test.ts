import { connect } from "node:tls";
import { allow, binding, defineInterceptor, serve } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCertificates, type TestCertificate, type TestCertificates } from "../support/certificates.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { allowing, describing, testInterceptor } from "../support/test-interceptor.ts";
import { ask, exchangeLine, problemOf, reviewsOf } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { impostor } from "./support/impostor.ts";
import { manifestOf, scripted, type Declares } from "./support/scripted.ts";

const CANARY = "canary-in-a-reviewed-header";

const DECLARES = [
  { id: "guard", phase: "pre-route", mode: "validate", needs: ["/request/headers/x-canary"] },
  { id: "hint", phase: "pre-route", mode: "validate", needs: ["/request/headers/x-canary"] },
] as const satisfies readonly Declares[];

let certificates: TestCertificates;
let upstream: TestUpstream;

beforeAll(async () => {
  certificates = await testCertificates();
  upstream = await startUpstream();
});

afterAll(() => upstream?.[Symbol.asyncDispose]());

/** A gateway whose routes `guarded` and `hinted` are reviewed by whoever listens at this endpoint, fail-closed and fail-open. */
async function gatewayFor(
  port: number,
  { client, rest = {} }: { readonly client?: TestCertificate; readonly rest?: object } = {},
): Promise<TestGateway> {
  const bindings = [
    { id: "guard", phase: "pre-route", mode: "validate", match: { routes: ["guarded"] } },
    { id: "hint", phase: "pre-route", mode: "validate", match: { routes: ["hinted"] }, failure_policy: "fail-open" },
  ];
  return startGateway({
    files: {
      ...(await gatewayFiles()),
      ...(client === undefined ? {} : { "gateway.pem": client.cert, "gateway.key": client.key }),
    },
    config: configuration({
      upstreams: { main: { endpoints: [upstream.url] } },
      routes: [openRoute("guarded"), openRoute("hinted"), openRoute("plain")],
      interceptors: [interceptorAt(port, { timeout: "2s", bindings, ...rest })],
    }),
  });
}

const asking = (route: string) => ({ path: `/${route}/a`, headers: [["X-Canary", CANARY]] as const });

/** The reviews are refused: fail-closed is 503 without reaching the upstream, fail-open is served; both as `unavailable`. */
async function expectUnavailable(gateway: TestGateway): Promise<void> {
  const reached = upstream.seen.length;
  const closed = await ask(gateway, asking("guarded"));
  expect(problemOf(closed)).toMatchObject({ status: 503, code: "interceptor_unavailable", retryable: true });
  expect(closed.headers["retry-after"]).toMatch(/^\d+$/);
  expect(upstream.seen).toHaveLength(reached);
  const open = await ask(gateway, asking("hinted"));
  expect(open.status).toBe(200);
  expect(reviewsOf(await exchangeLine(gateway, open))).toEqual([
    expect.objectContaining({ binding: "scripted/hint", failure: "unavailable" }),
  ]);
  expect((await ask(gateway, asking("plain"))).status).toBe(200);
}

describe("a peer that is not the interceptor", () => {
  it.each([
    ["shows a certificate of another authority", () => certificates.other.server()],
    ["shows a certificate for another name", () => certificates.server("elsewhere.test")],
    ["shows a client's certificate as its own", () => certificates.client("localhost")],
    ["speaks no TLS", async () => undefined],
  ])("gets no application byte where it %s; reviews are unavailable (C15)", async (_what, certificateOf) => {
    await using peer = await impostor(await certificateOf());
    await using gateway = await gatewayFor(peer.port);
    await expectUnavailable(gateway);
    expect(peer.connections).toBeGreaterThan(0);
    const seen = peer.bytes.toString("latin1");
    expect(seen).not.toContain(CANARY);
    // a peer without TLS reads the handshake's first message, which is no application data, and the HTTP/2 preface never
    expect(seen.startsWith("\u0016\u0003") || seen === "").toBe(true);
    expect(seen).not.toContain("PRI * HTTP/2.0");
  });

  it("gets no application byte where it takes the place of an interceptor that was described (C15)", async () => {
    const honest = await scripted(DECLARES);
    await using gateway = await gatewayFor(honest.port);
    expect((await ask(gateway, asking("guarded"))).status).toBe(200);
    await honest.service.kill();
    await using peer = await impostor(await certificates.other.server(), honest.port);
    await expectUnavailable(gateway);
    await expect.poll(() => peer.connections, { timeout: 5_000 }).toBeGreaterThan(0);
    await expectUnavailable(gateway);
    expect(peer.bytes).toHaveLength(0);
  });
});

/** An interceptor of the SDK that counts what it is asked. */
async function counting(clientNames?: readonly string[]) {
  const { cert, key } = await certificates.server();
  const guard = binding({ phase: "pre-route", mode: "validate", needs: ["/request/headers/x-canary"], review: () => allow() });
  return serve(defineInterceptor({ name: "scripted", bindings: { guard, hint: guard } }), {
    listen: "grpcs://127.0.0.1:0",
    tls: { ca: certificates.ca, cert, key, ...(clientNames === undefined ? {} : { clientNames }) },
    gateway: { identity: "mtls" },
    signals: false,
    log: () => {},
    drainMs: 100,
  });
}

describe("a gateway the interceptor does not know", () => {
  it("is refused where its certificate is of another authority; no review begins, and they are unavailable (C15)", async () => {
    await using service = await counting();
    await using gateway = await gatewayFor(service.port, { client: await certificates.other.client() });
    await expectUnavailable(gateway);
    expect(service.counters()).toMatchObject({ describes: 0, reviews: 0 });
  });

  it("is refused where its certificate carries none of the names the interceptor admits (C15)", async () => {
    await using service = await counting(["another-gateway"]);
    await using gateway = await gatewayFor(service.port);
    await expectUnavailable(gateway);
    expect(service.counters()).toMatchObject({ describes: 0, reviews: 0 });
  });

  it("is served where it carries one of them", async () => {
    await using service = await counting(["another-gateway", "gateway"]);
    await using gateway = await gatewayFor(service.port);
    expect((await ask(gateway, asking("guarded"))).status).toBe(200);
  });

  it("gets nowhere without a certificate: the interceptor ends the handshake", async () => {
    await using service = await counting();
    const ending = await new Promise<string>((resolve) => {
      const socket = connect({
        port: service.port,
        host: "127.0.0.1",
        ca: certificates.ca,
        servername: "localhost",
        ALPNProtocols: ["h2"],
      });
      // with TLS 1.3 the client hears of it only when it reads
      socket.on("secureConnect", () => socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
      socket.on("data", () => resolve("answered"));
      socket.on("error", ({ message }) => resolve(message));
      socket.on("close", () => resolve("closed"));
    });
    expect(ending).toMatch(/certificate required|ECONNRESET|closed/);
    expect(service.counters()).toMatchObject({ describes: 0, reviews: 0 });
  });

  it("cannot be configured without one: grpcs needs certificate and key", async () => {
    await expect(gatewayFor(1, { rest: { tls: { ca_file: "ca.pem", server_name: "localhost" } } })).rejects.toThrow(/cert_file/);
  });
});

describe("grpc:// in the clear", () => {
  const clear = (port: number, rest: object) =>
    gatewayFor(port, { rest: { endpoint: `grpc://127.0.0.1:${port}`, tls: undefined, ...rest } });

  it("is refused at load unless the operator allows it by name", async () => {
    await expect(clear(1, {})).rejects.toThrow(/gateway\.yaml:\d+:\d+: \/interceptors\/0.*allow_insecure/);
  });

  it("reviews with allow_insecure, and warns at every start", async () => {
    await using service = await testInterceptor(describing(manifestOf(DECLARES), ({ reviewId }) => allowing(reviewId)));
    await using gateway = await clear(service.port, { allow_insecure: true });
    expect(gateway.running.warnings).toContainEqual(expect.stringMatching(/scripted.*unprotected/));
    const answer = await ask(gateway, asking("guarded"));
    expect(answer.status).toBe(200);
    expect(reviewsOf(await exchangeLine(gateway, answer))).toEqual([expect.objectContaining({ verdict: "allow" })]);
  });
});
