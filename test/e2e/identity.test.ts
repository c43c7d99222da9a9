import { generateKeyPairSync } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { allow, binding, defineInterceptor, type GatewayProof } from "@sallyport/interceptors-sdk";
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { gatewayIdentity } from "../../src/adapters/identity/gateway-identity.ts";
import { generateSigningKey, readSigningKeys } from "../../src/adapters/identity/signing-key.ts";
import { grpcReviewClient } from "../../src/adapters/review/grpc-review-client.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { Secret } from "../../src/model/secret.ts";
import { callOf, review } from "../contract/review-client/client-under-test.ts";
import { bindingPlan } from "../support/binding-plan.ts";
import { testCertificates } from "../support/certificates.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, TLS, type TestInterceptor } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { allowing, describing, testInterceptor } from "../support/test-interceptor.ts";
import { freePort } from "../../src/cli/demo/free-port.ts";

const guard = defineInterceptor({
  name: "guard",
  bindings: { look: binding({ phase: "pre-route", mode: "validate", needs: [], review: () => allow() }) },
});

const ISSUER = "urn:sallyport:door-7";
const AUDIENCE = "urn:sallyport:interceptor:guard";

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream?.[Symbol.asyncDispose]());

/** Sections of a gateway that asks `guard` about everything; `identity` stands in `gateway_identity`. */
const sections = (port: number, { identity = "", own = "" } = {}): string => `
gateway_identity: { id: door-7${identity} }
upstreams: { main: { endpoints: ["${upstream.url}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }]
interceptors:
  - name: guard
    endpoint: grpcs://127.0.0.1:${port}
    tls: ${TLS}
    timeout: 5s
    ${own}
    bindings: [{ id: look, phase: pre-route, mode: validate }]
`;

const admin = (drain = "200ms"): string => `
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: ${drain}
log: { level: debug, reviews: all }
`;

async function statesOf(gateway: TestGateway): Promise<string> {
  const headers = { authorization: `Bearer ${gateway.adminToken}` };
  return (await fetch(`${gateway.adminUrl}/admin/interceptors`, { headers })).text();
}

/** Disposed when the test is over, in reverse order. */
function use<Part extends AsyncDisposable>(part: Part): Part {
  onTestFinished(() => part[Symbol.asyncDispose]());
  return part;
}

async function expectServed(gateway: TestGateway): Promise<void> {
  await expect.poll(async () => (await fetch(`${gateway.url}/a`)).status, { timeout: 10_000, interval: 100 }).toBe(200);
}

const proof = (
  jwks: Extract<GatewayProof, { identity: "jwt" }>["jwks"],
  identity: "jwt" | "mtls+jwt" = "mtls+jwt",
): GatewayProof => ({
  identity,
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks,
});

describe("a gateway known by its token", () => {
  it.each(["jwt", "mtls+jwt"] as const)("is served, its keys fetched from its own listener over https (%s)", async (identity) => {
    const certificates = await testCertificates();
    const { cert, key } = await certificates.server();
    const doorPort = await freePort(0);
    const url = `https://localhost:${doorPort}/.well-known/jwks.json`;
    const interceptor = use(await startInterceptor(guard, 0, proof({ url, ca: certificates.ca }, identity)));
    const files = { ...(await gatewayFiles()), "door.pem": cert, "door.key": key };
    const doors = `version: 1
listeners:
  - { name: plain, address: "127.0.0.1:0" }
  - { name: door, address: "127.0.0.1:${doorPort}", tls: { certs: [{ cert_file: door.pem, key_file: door.key }] }, serves: [jwks] }
`;
    const gateway = use(await startGateway({ files, config: doors + admin() + sections(interceptor.port) }));
    await expectServed(gateway);
    for (let count = 0; count < 20; count += 1) expect((await fetch(`${gateway.url}/a`)).status).toBe(200);
    const known = await (await fetch(`${gateway.adminUrl}/.well-known/jwks.json`)).json();
    expect(known).toEqual({ keys: [expect.objectContaining({ kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA" })] });
    expect(JSON.parse(await bodyOf(url, certificates.ca))).toEqual(known);
    // elsewhere the path is ordinary traffic: reviewed, and the upstream's
    const elsewhere = await fetch(`${gateway.url}/.well-known/jwks.json`);
    expect(await elsewhere.text()).not.toContain("Ed25519");
    expect(upstream.seen.at(-1)?.url).toBe("/.well-known/jwks.json");
  });

  it("is refused, and the upstream not reached, where its keys are not those the interceptor knows", async () => {
    await using directory = await temporaryDirectory();
    const stranger = await generateSigningKey();
    await writeFile(directory.file("jwks.json"), JSON.stringify({ keys: [stranger.publicJwk] }));
    const interceptor = use(await startInterceptor(guard, 0, proof({ file: directory.file("jwks.json") })));
    const gateway = use(await startGateway({ files: await gatewayFiles(), config: sections(interceptor.port) }));
    const reached = upstream.seen.length;
    const refused = await fetch(`${gateway.url}/a`);
    expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ code: "interceptor_unavailable" })]);
    expect(await statesOf(gateway)).toContain("gRPC status 16: the gateway's token: unknown key");
    expect(upstream.seen.length).toBe(reached);
    expect(interceptor.running.counters()).toMatchObject({ describes: 0, reviews: 0 });
  });

  it("refuses an interceptor that expects another audience, and names both", async () => {
    await using directory = await temporaryDirectory();
    const { interceptor, gateway } = await withKeyFiles(directory.path, { own: "audience: urn:of:the-operator" });
    const refused = await fetch(`${gateway.url}/a`);
    expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ code: "interceptor_unavailable" })]);
    // its own check comes first: it is not described at all
    expect(await statesOf(gateway)).toContain("the gateway's token: wrong audience");
    expect(interceptor.running.counters().describes).toBe(0);
    const lax = use(
      await testInterceptor(
        describing({ name: "guard", expectedAudience: AUDIENCE }, ({ reviewId }) => allowing(reviewId)),
        { tls: await serverTls() },
      ),
    );
    const other = use(
      await startGateway({ files: await gatewayFiles(), config: sections(lax.port, { own: "audience: urn:of:the-operator" }) }),
    );
    expect(await statesOf(other)).toContain(
      'the manifest expects the audience \\"urn:sallyport:interceptor:guard\\", the operator\'s is \\"urn:of:the-operator\\"',
    );
    expect((await fetch(`${other.url}/a`)).status).toBe(503);
  });

  it("leaves its token in no log line, answer, view or metric, on either side", async () => {
    const service = use(
      await testInterceptor(
        describing({ name: "guard", bindings: [{ id: "look", phase: 2, mode: 2 }] as never }, ({ reviewId }) =>
          allowing(reviewId),
        ),
        { tls: await serverTls() },
      ),
    );
    const gateway = use(await startGateway({ files: await gatewayFiles(), config: sections(service.port) }));
    await fetch(`${gateway.url}/a`);
    const tokens = service.calls.map(({ headers }) => headers["authorization"] ?? "");
    expect(tokens.length).toBeGreaterThanOrEqual(1);
    for (const token of tokens)
      expect(decodeProtectedHeader(token.slice("Bearer ".length))).toMatchObject({ typ: "sallyport-review+jwt" });
    const headers = { authorization: `Bearer ${gateway.adminToken}` };
    const shown = await Promise.all(
      ["/metrics", "/admin/plan", "/admin/interceptors", "/ready"].map(async (path) =>
        (await fetch(gateway.adminUrl + path, { headers })).text(),
      ),
    );
    const written = [...gateway.lines.map((line) => JSON.stringify(line)), ...shown].join("\n");
    for (const token of tokens) for (const part of token.slice("Bearer ".length).split(".")) expect(written).not.toContain(part);
  });
});

describe("rotation of signing keys", () => {
  it("fails no review while tokens of two keys are about and the keys change, the JWKS in a file", async () => {
    await using directory = await temporaryDirectory();
    const jwksFile = directory.file("jwks.json");
    const clock = systemClock();
    const [first, second, third] = [await generateSigningKey(), await generateSigningKey(), await generateSigningKey()];
    const identity = await gatewayIdentity(
      { issuer: ISSUER, keys: { kind: "files", keys: [first] }, tokenLifetimeMs: 2_000, publishAheadMs: 1_500 },
      { clock, log: new MemoryLog() },
    );
    onTestFinished(() => identity[Symbol.dispose]());
    const publish = async (): Promise<void> => {
      await writeFile(`${jwksFile}.new`, JSON.stringify(identity.jwks()));
      await rename(`${jwksFile}.new`, jwksFile);
    };
    await publish();
    const interceptor = use(await startInterceptor(guard, 0, proof({ file: jwksFile })));
    const client = use(await reviewClient(interceptor, identity.credential(AUDIENCE)));
    const kids = new Set<string>();
    let [asked, failed] = [0, 0];
    const endMs = clock.nowMs() + 9_000;
    const planned = [
      { atMs: endMs - 8_500, keys: [second] },
      { atMs: endMs - 5_000, keys: [third, second] },
    ];
    while (clock.nowMs() < endMs) {
      const step = planned[0];
      if (step !== undefined && clock.nowMs() >= step.atMs) {
        planned.shift();
        await identity.use({ kind: "files", keys: step.keys });
      }
      await publish();
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => review(client, bindingPlan({ id: "look", mode: "validate" }), callOf())),
      );
      asked += answers.length;
      failed += answers.filter(({ ok }) => !ok).length;
      for (const { kid } of identity.jwks().keys.slice(0, 1)) kids.add(kid);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect([...kids]).toEqual([first.kid, second.kid, third.kid]);
    expect(asked).toBeGreaterThan(500);
    expect(failed).toBe(0);
    expect(interceptor.running.counters()).toMatchObject({ unauthenticated: 0, allowed: asked });
  });

  it("takes up key files when the configuration changes, publishing both, and keeps the last good keys when a file is broken", async () => {
    await using directory = await temporaryDirectory();
    const { gateway } = await withKeyFiles(directory.path);
    await expectServed(gateway);
    const [before] = await publishedBy(gateway);
    await writeFile(join(gateway.directory, "signing.key"), newKey());
    await gateway.lineWhere(({ event }) => event === "signing_keys_changed");
    const both = await publishedBy(gateway);
    expect(both).toHaveLength(2);
    expect(both[0]).toBe(before);
    expect((await fetch(`${gateway.url}/a`)).status).toBe(200);
    await writeFile(join(gateway.directory, "signing.key"), "half a fi");
    const rejected = await gateway.lineWhere(({ event }) => event === "config_rejected");
    expect(JSON.stringify(rejected)).toContain("signing.key holds no private key in PEM form");
    expect(JSON.stringify(rejected)).not.toContain("half a fi");
    expect(await publishedBy(gateway)).toEqual(both);
    expect((await fetch(`${gateway.url}/a`)).status).toBe(200);
  });

  it("does not start with a key it cannot use", async () => {
    const files = { ...(await gatewayFiles()), "signing.key": "no key" };
    await expect(
      startGateway({ files, config: sections(1, { identity: ", signing_key_files: [signing.key]" }) }),
    ).rejects.toThrow(
      /gateway\.yaml:\d+:\d+: \/gateway_identity\/signing_key_files: .*signing\.key holds no private key in PEM form/,
    );
  });
});

const newKey = (): string => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });

async function serverTls(): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const certificates = await testCertificates();
  return { ca: certificates.ca, ...(await certificates.server()) };
}

/** A gateway that signs with a file, and an interceptor that knows the key of it. */
async function withKeyFiles(
  directory: string,
  { own = "" } = {},
): Promise<{ readonly interceptor: TestInterceptor; readonly gateway: TestGateway }> {
  const jwksFile = join(directory, "jwks.json");
  const interceptor = use(await startInterceptor(guard, 0, proof({ file: jwksFile })));
  const files = { ...(await gatewayFiles()), "signing.key": newKey() };
  await writeFile(join(directory, "signing.key"), files["signing.key"]);
  const keys = await readSigningKeys([join(directory, "signing.key")]);
  await writeFile(jwksFile, JSON.stringify({ keys: keys.ok ? keys.value.map(({ publicJwk }) => publicJwk) : [] }));
  const identity = ", signing_key_files: [signing.key]";
  const gateway = use(await startGateway({ files, config: sections(interceptor.port, { identity, own }) }));
  expect(JSON.parse(await readFile(jwksFile, "utf8"))).toEqual(
    await (await fetch(`${gateway.adminUrl}/.well-known/jwks.json`)).json(),
  );
  return { interceptor, gateway };
}

async function publishedBy(gateway: TestGateway): Promise<readonly string[]> {
  const { keys } = (await (await fetch(`${gateway.adminUrl}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }; // our own gateway wrote it
  return keys.map(({ kid }) => kid);
}

async function reviewClient(
  interceptor: TestInterceptor,
  credential: ReturnType<Awaited<ReturnType<typeof gatewayIdentity>>["credential"]>,
) {
  const certificates = await testCertificates();
  const { cert, key } = await certificates.client();
  use(credential);
  await credential.filled();
  return grpcReviewClient(
    {
      name: "guard",
      endpoints: [
        { kind: "grpcs", host: "127.0.0.1", port: interceptor.port, tls: { serverName: "localhost" }, url: "grpcs://test" },
      ],
      tls: { caPem: certificates.ca, pair: { certPem: cert, keyPem: new Secret(key) } },
      credential,
      gatewayId: "door-7",
      gatewayVersion: "0.0.0",
      maxConcurrentReviews: 10,
      maxPendingReviews: 10,
    },
    { clock: systemClock(), log: new MemoryLog() },
  );
}

function bodyOf(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}
