import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { DescribeRequest, Manifest, ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeVerdict } from "@sallyport/contract/verdict.ts";
import { METHODS, SERVICE } from "@sallyport/contract/wire.ts";
import { allow, binding, defineInterceptor, type RunningInterceptor, serve, serveFromEnv } from "@sallyport/interceptors-sdk";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type TestAuthority, testCertificates } from "../../support/certificates.ts";
import { TRANSPORTS, type Transport } from "../../support/transports.ts";

const aborted: string[] = [];
const sample = defineInterceptor({
  name: "sample",
  bindings: {
    ok: binding({ phase: "pre-auth", mode: "validate", needs: [], review: () => allow().annotate("a", "b") }),
    throws: binding({
      phase: "pre-auth",
      mode: "validate",
      needs: [],
      review: () => {
        throw new Error("secret sk-123");
      },
    }),
    waits: binding({
      phase: "pre-auth",
      mode: "validate",
      needs: [],
      review: (_view, { signal, reviewId }) =>
        new Promise<never>((_resolve, reject) => {
          started.get(reviewId)?.();
          signal.addEventListener("abort", () => {
            aborted.push(reviewId);
            started.get(`${reviewId} aborted`)?.();
            reject(new Error("the call is over"));
          });
        }),
    }),
    soon: binding({
      phase: "pre-auth",
      mode: "validate",
      needs: [],
      review: async (_view, { reviewId }) => {
        started.get(reviewId)?.();
        await gate;
        return allow();
      },
    }),
  },
});

// signals from inside reviews to tests: by review id
const started = new Map<string, () => void>();
const signalled = (name: string): Promise<void> => new Promise((resolve) => started.set(name, resolve));
let openGate = (): void => undefined;
let gate = Promise.resolve();

const certificates = await testCertificates();
/** What the test at hand serves over. */
let transport: Transport = "lean";
const quiet = {
  signals: false,
  log: () => undefined,
  get transport() {
    return transport;
  },
} as const;

async function serving(clientNames?: readonly string[]): Promise<RunningInterceptor> {
  const running = await serve(sample, {
    listen: "grpcs://127.0.0.1:0",
    tls: { ca: certificates.ca, ...(await certificates.server()), ...(clientNames && { clientNames }) },
    gateway: { identity: "mtls" },
    ...quiet,
  });
  onTestFinished(() => running.close());
  return running;
}

type Identity = { readonly from: TestAuthority; readonly names?: readonly string[] } | "none";

async function connect(running: RunningInterceptor, identity: Identity = { from: certificates }): Promise<Client> {
  const pair = identity === "none" ? undefined : await identity.from.client(...(identity.names ?? []));
  const tls = credentials.createSsl(
    Buffer.from(certificates.ca),
    pair ? Buffer.from(pair.key) : null,
    pair ? Buffer.from(pair.cert) : null,
  );
  const client = new Client(
    running.address.replace(/^grpcs?:\/\//, ""),
    running.address.startsWith("grpcs") ? tls : credentials.createInsecure(),
    {
      // an address is no server name, and clients must not share connections here
      "grpc.ssl_target_name_override": "localhost",
      "grpc.use_local_subchannel_pool": 1,
    },
  );
  onTestFinished(() => client.close());
  return client;
}

const asIs = (bytes: Buffer): Buffer => bytes;

interface CallOptions {
  readonly deadlineMs?: number;
  readonly cancelWhen?: Promise<void>;
}

/** The answer of a unary call, or the status it failed with. */
function call(client: Client, path: string, request: Uint8Array, options: CallOptions = {}): Promise<Buffer | ServiceError> {
  return new Promise((resolve) => {
    const deadline = Date.now() + (options.deadlineMs ?? 5000);
    const unary = client.makeUnaryRequest(path, asIs, asIs, Buffer.from(request), new Metadata(), { deadline }, (error, answer) =>
      resolve(error ?? answer ?? Buffer.alloc(0)),
    );
    void options.cancelWhen?.then(() => unary.cancel());
  });
}

const reviewRequest = (bindingId: string, reviewId = "r1", configDigest = ""): Uint8Array =>
  ReviewRequest.encode(
    ReviewRequest.fromPartial({ reviewId, bindingId, phase: 1, mode: 2, attempt: 1, configDigest, view: {} }),
  ).finish();

const codeOf = (answer: Buffer | ServiceError): status => (Buffer.isBuffer(answer) ? status.OK : answer.code);

afterEach(() => {
  started.clear();
  openGate();
});

describe.each(TRANSPORTS)("serve, over %s", (which) => {
  beforeEach(() => void (transport = which));

  it("answers Describe and Review over mTLS, on a free port", async () => {
    const running = await serving();
    expect(running.address).toBe(`grpcs://127.0.0.1:${running.port}`);
    const client = await connect(running);
    const manifest = await call(client, METHODS.describe, DescribeRequest.encode(DescribeRequest.fromPartial({})).finish());
    expect(Buffer.isBuffer(manifest) && Manifest.decode(manifest)).toMatchObject({ name: "sample" });
    const answer = await call(client, METHODS.review, reviewRequest("ok"));
    expect(Buffer.isBuffer(answer) && decodeVerdict(answer, { reviewId: "r1", maxPatches: 0 })).toMatchObject({
      ok: true,
      value: { kind: "allow", annotations: [{ name: "a", value: "b" }] },
    });
    expect(running.counters()).toMatchObject({ describes: 1, reviews: 1, allowed: 1 });
  });

  it.each([
    ["without a certificate", "none"],
    ["with a certificate of another authority", { from: certificates.other }],
  ] as const)("refuses a client %s before any review", async (_what, identity) => {
    const running = await serving();
    const client = await connect(running, identity);
    expect(codeOf(await call(client, METHODS.review, reviewRequest("ok")))).toBe(status.UNAVAILABLE);
    expect(running.counters().reviews).toBe(0);
  });

  it("refuses strangers though NODE_TLS_REJECT_UNAUTHORIZED is 0", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    onTestFinished(() => void vi.unstubAllEnvs());
    const running = await serving();
    for (const identity of ["none", { from: certificates.other }] as const) {
      const client = await connect(running, identity);
      expect(codeOf(await call(client, METHODS.review, reviewRequest("ok"), { deadlineMs: 2_000 }))).not.toBe(status.OK);
    }
    expect(running.counters().reviews).toBe(0);
  });

  it("refuses a server certificate as a client's", async () => {
    const running = await serving();
    const pair = await certificates.server();
    const from = { ...certificates, client: () => Promise.resolve(pair) };
    const client = await connect(running, { from });
    expect(codeOf(await call(client, METHODS.review, reviewRequest("ok")))).toBe(status.UNAVAILABLE);
  });

  it("admits only the names it was given, DNS or URI", async () => {
    const running = await serving(["gateway.test", "spiffe://test/gateway"]);
    const code = async (...names: readonly string[]): Promise<status> =>
      codeOf(await call(await connect(running, { from: certificates, names }), METHODS.review, reviewRequest("ok")));
    expect(await code("other.test")).toBe(status.PERMISSION_DENIED);
    expect(await code("spiffe://test/gateway/x")).toBe(status.PERMISSION_DENIED);
    expect(await code("other.test", "gateway.test")).toBe(status.OK);
    expect(await code("spiffe://test/gateway")).toBe(status.OK);
    expect(running.counters().reviews).toBe(2);
  });

  it("refuses every call of a wrong name, on one connection and beside an admitted one, and reads each certificate once", async () => {
    const read = vi.spyOn(TLSSocket.prototype, "getPeerCertificate");
    onTestFinished(() => read.mockRestore());
    const running = await serving(["gateway.test"]);
    const wrong = await connect(running, { from: certificates, names: ["other.test"] });
    const right = await connect(running, { from: certificates, names: ["gateway.test"] });
    const code = async (client: Client): Promise<status> => codeOf(await call(client, METHODS.review, reviewRequest("ok")));
    await Promise.all([code(wrong), code(right)]);
    // the spy sees what is read: otherwise its silence below would prove nothing
    expect(read.mock.calls.length).toBeGreaterThan(0);
    read.mockClear();
    for (let round = 0; round < 3; round += 1) {
      expect(await code(right)).toBe(status.OK);
      expect(await code(wrong)).toBe(status.PERMISSION_DENIED);
    }
    expect(read).not.toHaveBeenCalled();
    expect(running.counters().reviews).toBe(4);
  });

  it.each([
    ["an unknown binding", reviewRequest("other"), status.NOT_FOUND],
    ["an unknown config", reviewRequest("ok", "r1", "digest"), status.FAILED_PRECONDITION],
    ["bytes that are no message", Uint8Array.of(0xff), status.INVALID_ARGUMENT],
    ["a review that throws", reviewRequest("throws"), status.INTERNAL],
  ])("answers %s with an error, never an allow", async (_what, request, code) => {
    const answer = await call(await connect(await serving()), METHODS.review, request);
    expect(answer).toMatchObject({ code });
    expect(String(answer)).not.toContain("sk-123");
  });

  it("aborts a review's signal when the deadline passes", async () => {
    const over = signalled("late aborted");
    const client = await connect(await serving());
    expect(codeOf(await call(client, METHODS.review, reviewRequest("waits", "late"), { deadlineMs: 100 }))).toBe(
      status.DEADLINE_EXCEEDED,
    );
    await over;
    expect(aborted).toContain("late");
  });

  it("aborts a review's signal when the gateway cancels", async () => {
    const begun = signalled("unwanted");
    const over = signalled("unwanted aborted");
    const running = await serving();
    const client = await connect(running);
    const answer = await call(client, METHODS.review, reviewRequest("waits", "unwanted"), { cancelWhen: begun });
    expect(codeOf(answer)).toBe(status.CANCELLED);
    await over;
    await expect.poll(() => running.counters()).toMatchObject({ abandoned: 1, inFlight: 0 });
  });

  it("tells its health, and those who watch it when it stops", async () => {
    const running = await serving();
    const client = await connect(running);
    const asking = (service: string): Buffer => Buffer.concat([Buffer.of(10, service.length), Buffer.from(service)]);
    expect(await call(client, "/grpc.health.v1.Health/Check", asking(SERVICE))).toEqual(Buffer.of(8, 1));
    expect(await call(client, "/grpc.health.v1.Health/Check", Buffer.alloc(0))).toEqual(Buffer.of(8, 1));
    expect(codeOf(await call(client, "/grpc.health.v1.Health/Check", asking("other")))).toBe(status.NOT_FOUND);
    const watch: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      asIs,
      asIs,
      asking(SERVICE),
    );
    expect((await once(watch, "data"))[0]).toEqual(Buffer.of(8, 1));
    const [changed] = await Promise.all([once(watch, "data"), running.close()]);
    expect(changed[0]).toEqual(Buffer.of(8, 2));
  });

  it("finishes reviews in flight before it is closed, and takes no new ones", async () => {
    gate = new Promise((resolve) => (openGate = resolve));
    const begun = signalled("r1");
    const running = await serving();
    const client = await connect(running);
    const answer = call(client, METHODS.review, reviewRequest("soon"));
    await begun;
    const closed = running.close();
    const late = call(await connect(running), METHODS.review, reviewRequest("ok"), { deadlineMs: 1000 });
    expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).toContain(codeOf(await late));
    openGate();
    expect(codeOf(await answer)).toBe(status.OK);
    await closed;
  });

  it("cuts reviews off that do not finish while it drains", async () => {
    const begun = signalled("stuck");
    const running = await serve(sample, { listen: "grpc://127.0.0.1:0", allowInsecure: true, ...quiet, drainMs: 50 });
    const client = await connect(running);
    const answer = call(client, METHODS.review, reviewRequest("waits", "stuck"));
    await begun;
    await running.close();
    expect([status.UNAVAILABLE, status.CANCELLED]).toContain(codeOf(await answer));
  });

  it("warns when it serves without TLS", async () => {
    const messages: string[] = [];
    const running = await serve(sample, {
      listen: "grpc://127.0.0.1:0",
      allowInsecure: true,
      signals: false,
      transport,
      log: ({ level, message }) => void messages.push(`${level} ${message}`),
    });
    onTestFinished(() => running.close());
    expect(messages).toEqual([expect.stringMatching(/^warn insecure/), "info listening"]);
    expect(codeOf(await call(await connect(running), METHODS.review, reviewRequest("ok")))).toBe(status.OK);
  });

  it("refuses options that would serve strangers", async () => {
    const refused = (options: object) => expect(serve(sample, Object({ ...quiet, ...options }))).rejects;
    const tls = { ca: certificates.ca, ...(await certificates.server()) };
    await refused({ listen: "grpc://127.0.0.1:0" }).toThrow(/takes allowInsecure: true/);
    await refused({ listen: "grpc://127.0.0.1:0", allowInsecure: true, tls }).toThrow(/not grpc:\/\//);
    await refused({ listen: "grpcs://127.0.0.1:0", tls }).toThrow(/gateway: \{ identity: "mtls" \}/);
    await refused({ listen: "grpcs://127.0.0.1:0", gateway: { identity: "mtls" } }).toThrow(/takes tls/);
    await refused({ listen: "grpcs://127.0.0.1:0", gateway: { identity: "mtls" }, tls: { ...tls, ca: "" } }).toThrow(
      /no PEM text/,
    );
    await refused({ listen: "grpcs://127.0.0.1:0", gateway: { identity: "mtls" }, tls: { ...tls, clientNames: [] } }).toThrow(
      /admit nobody/,
    );
    await refused({ listen: "https://127.0.0.1:0" }).toThrow(/grpcs:\/\/host:port/);
    await refused({ listen: "grpcs://127.0.0.1:99999", gateway: { identity: "mtls" }, tls }).toThrow(/grpcs:\/\/host:port/);
  });

  it("says so when the port is taken", async () => {
    const running = await serve(sample, { listen: "grpc://127.0.0.1:0", allowInsecure: true, ...quiet });
    onTestFinished(() => running.close());
    await expect(serve(sample, { listen: `grpc://127.0.0.1:${running.port}`, allowInsecure: true, ...quiet })).rejects.toThrow(
      /cannot listen on 127\.0\.0\.1/,
    );
  });
});

describe("serveFromEnv", () => {
  it("refuses to guess where certificates are", () => {
    expect(() => serveFromEnv(sample, { env: {}, argv: [] })).toThrow(/--ca FILE or SALLYPORT_TLS_CA_FILE is missing/);
    expect(() => serveFromEnv(sample, { env: { SALLYPORT_LISTEN: "grpc://127.0.0.1:0" }, argv: [] })).toThrow(/--allow-insecure/);
    expect(() => serveFromEnv(sample, { env: {}, argv: ["--port", "1"] })).toThrow(/--port/);
    const grpc = { SALLYPORT_LISTEN: "grpc://127.0.0.1:0", SALLYPORT_ALLOW_INSECURE: "true" };
    expect(() => serveFromEnv(sample, { env: { ...grpc, SALLYPORT_TRANSPORT: "h3" }, argv: [] })).toThrow(/lean or grpc-js/);
  });

  it("runs an example as a process that says where it listens, and stops on SIGTERM", { timeout: 20_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "sallyport-sdk-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const { cert, key } = await certificates.server();
    const files = { "ca.pem": certificates.ca, "cert.pem": cert, "key.pem": key };
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(directory, name), text)));
    const script = fileURLToPath(new URL("../../../examples/interceptors/tenancy/tenancy.ts", import.meta.url));
    const child = spawn(process.execPath, [script, "--listen", "grpcs://127.0.0.1:0", "--key", join(directory, "key.pem")], {
      env: {
        SALLYPORT_TLS_CA_FILE: join(directory, "ca.pem"),
        SALLYPORT_TLS_CERT_FILE: join(directory, "cert.pem"),
        SALLYPORT_LISTEN: "ignored",
      },
      stdio: ["ignore", "pipe", "ignore"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [line] = await once(createInterface(child.stdout), "line");
    const listening = JSON.parse(String(line));
    expect(listening).toMatchObject({
      message: "listening",
      interceptor: "tenancy",
      address: expect.stringMatching(/^grpcs:\/\/127/),
    });
    const answer = await call(
      await connect({ ...(await serving()), address: listening.address }),
      METHODS.describe,
      new Uint8Array(),
    );
    expect(Buffer.isBuffer(answer) && Manifest.decode(answer).bindings).toMatchObject([{ id: "assign-tenant" }]);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});
