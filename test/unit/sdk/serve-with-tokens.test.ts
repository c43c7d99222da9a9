import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { Manifest, ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import {
  allow,
  binding,
  defineInterceptor,
  type GatewayProof,
  type LogEntry,
  serve,
  serveFromEnv,
  type TlsOptions,
} from "@sallyport/interceptors-sdk";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { testCertificates } from "../../support/certificates.ts";
import { AUDIENCE, ISSUER, jwksText, signedToken, testKey } from "../../support/gateway-tokens.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { TRANSPORTS, type Transport } from "../../support/transports.ts";

const certificates = await testCertificates();
const key = await testKey();
/** What the test at hand serves over. */
let transport: Transport = "lean";
let reviewed = 0;
const sample = defineInterceptor({
  name: "sample",
  bindings: {
    ok: binding({
      phase: "pre-auth",
      mode: "validate",
      needs: [],
      review: () => {
        reviewed += 1;
        return allow();
      },
    }),
  },
});

/** An interceptor that asks for tokens, its JWKS in a file, and what it logged. */
async function serving(identity: "jwt" | "mtls+jwt") {
  const directory = await temporaryDirectory();
  const jwksFile = directory.file("jwks.json");
  await writeFile(jwksFile, jwksText(key));
  const logged: LogEntry[] = [];
  const { cert, key: serverKey } = await certificates.server();
  const tls: TlsOptions = { cert, key: serverKey, ...(identity === "mtls+jwt" && { ca: certificates.ca }) };
  const running = await serve(sample, {
    listen: "grpcs://127.0.0.1:0",
    tls,
    gateway: { identity, issuer: ISSUER, audience: AUDIENCE, jwks: { file: jwksFile } },
    signals: false,
    transport,
    log: (entry) => void logged.push(entry),
  });
  onTestFinished(async () => {
    await running.close();
    await directory[Symbol.asyncDispose]();
  });
  return { running, logged, jwksFile };
}

async function connect(port: number, withCertificate: boolean): Promise<Client> {
  const pair = withCertificate ? await certificates.client() : undefined;
  const tls = credentials.createSsl(
    Buffer.from(certificates.ca),
    pair === undefined ? null : Buffer.from(pair.key),
    pair === undefined ? null : Buffer.from(pair.cert),
  );
  const client = new Client(`127.0.0.1:${port}`, tls, {
    "grpc.ssl_target_name_override": "localhost",
    "grpc.use_local_subchannel_pool": 1,
  });
  onTestFinished(() => client.close());
  return client;
}

const asIs = (bytes: Buffer): Buffer => bytes;
const request = ReviewRequest.encode(ReviewRequest.fromPartial({ reviewId: "r1", bindingId: "ok", phase: 1, mode: 2, view: {} }));
const REVIEW = Buffer.from(request.finish());

function call(client: Client, path: string, message: Buffer, token?: string): Promise<Buffer | ServiceError> {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, message, metadata, { deadline: Date.now() + 5000 }, (error, answer) =>
      resolve(error ?? answer ?? Buffer.alloc(0)),
    );
  });
}

const codeOf = (answer: Buffer | ServiceError): status => (Buffer.isBuffer(answer) ? status.OK : answer.code);

describe.each(TRANSPORTS)("an interceptor that asks for the gateway's token, over %s", (which) => {
  beforeEach(() => void (transport = which));

  it.each(["jwt", "mtls+jwt"] as const)("answers Describe and Review to whoever shows one (%s)", async (identity) => {
    const { running } = await serving(identity);
    const client = await connect(running.port, identity !== "jwt");
    const token = await signedToken(key, Date.now());
    const manifest = await call(client, METHODS.describe, Buffer.alloc(0), token);
    expect(Buffer.isBuffer(manifest) && Manifest.decode(manifest).expectedAudience).toBe(AUDIENCE);
    expect(codeOf(await call(client, METHODS.review, REVIEW, token))).toBe(status.OK);
    expect(running.counters()).toMatchObject({ describes: 1, allowed: 1, unauthenticated: 0, keyReadFailures: 0 });
  });

  it("refuses Describe and Review without one, with another one, and with one that is out of date, and asks no binding", async () => {
    const { running, logged } = await serving("mtls+jwt");
    const client = await connect(running.port, true);
    const before = reviewed;
    const bad = [
      undefined,
      await signedToken(await testKey(), Date.now()),
      await signedToken(key, Date.now() - 400_000),
      await signedToken(key, Date.now(), { claims: { aud: "urn:sallyport:interceptor:other" } }),
    ];
    for (const token of bad) {
      for (const method of [METHODS.describe, METHODS.review]) {
        expect(await call(client, method, REVIEW, token)).toMatchObject({ code: status.UNAUTHENTICATED });
      }
    }
    expect(reviewed).toBe(before);
    expect(running.counters()).toMatchObject({ describes: 0, reviews: 0, unauthenticated: 8 });
    expect(logged).toContainEqual({
      level: "warn",
      message: "call refused",
      method: METHODS.review,
      reason: "the gateway's token: expired",
    });
    const written = JSON.stringify(logged);
    for (const token of bad) if (token !== undefined) for (const part of token.split(".")) expect(written).not.toContain(part);
  });

  it("refuses a good token from a client without a certificate where both are asked for", async () => {
    const { running } = await serving("mtls+jwt");
    const answer = await call(await connect(running.port, false), METHODS.review, REVIEW, await signedToken(key, Date.now()));
    expect(codeOf(answer)).toBe(status.UNAVAILABLE);
  });

  it("refuses everything while its JWKS cannot be read, and recovers", async () => {
    const { running, jwksFile } = await serving("mtls+jwt");
    const client = await connect(running.port, true);
    await writeFile(jwksFile, "half a file");
    const token = await signedToken(key, Date.now());
    expect(await call(client, METHODS.review, REVIEW, token)).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(running.counters().keyReadFailures).toBe(1);
    await writeFile(jwksFile, jwksText(key));
    await expect.poll(async () => codeOf(await call(client, METHODS.review, REVIEW, token)), { timeout: 5_000 }).toBe(status.OK);
  });

  it("answers health without one", async () => {
    const { running } = await serving("jwt");
    const answer = await call(await connect(running.port, false), "/grpc.health.v1.Health/Check", Buffer.alloc(0));
    expect(answer).toEqual(Buffer.of(8, 1));
  });

  it("opens no health watch without one, and one with it", async () => {
    const { running } = await serving("jwt");
    const client = await connect(running.port, false);
    const watch = (metadata: Metadata): ClientReadableStream<Buffer> => {
      const stream: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
        "/grpc.health.v1.Health/Watch",
        asIs,
        asIs,
        Buffer.alloc(0),
        metadata,
      );
      onTestFinished(() => stream.on("error", () => {}).cancel());
      return stream;
    };
    // more than there are places for watchers
    for (let count = 0; count < 65; count += 1)
      expect((await once(watch(new Metadata()), "error"))[0]).toMatchObject({ code: status.UNAUTHENTICATED });
    const proven = new Metadata();
    proven.set("authorization", `Bearer ${await signedToken(key, Date.now())}`);
    expect((await once(watch(proven), "data"))[0]).toEqual(Buffer.of(8, 1));
  });

  it("refuses options by which it would ask for nothing", async () => {
    const { cert, key: serverKey } = await certificates.server();
    const proof = { identity: "jwt", issuer: ISSUER, audience: AUDIENCE, jwks: { file: "jwks.json" } } as const;
    const refused = (gateway: object, tls: object = { cert, key: serverKey }) =>
      expect(
        serve(sample, Object({ listen: "grpcs://127.0.0.1:0", signals: false, transport, log: () => undefined, tls, gateway })),
      ).rejects;
    await refused({ identity: "none" }).toThrow(/"mtls", |"mtls"/);
    await refused({ ...proof, issuer: "" }).toThrow(/takes issuer, audience and jwks/);
    await refused({ ...proof, audience: undefined }).toThrow(/takes issuer, audience and jwks/);
    await refused({ ...proof, jwks: undefined }).toThrow(/takes issuer, audience and jwks/);
    await refused({ ...proof, jwks: { url: "http://127.0.0.1/jwks" } }).toThrow(/https:\/\//);
    await refused(proof, { cert, key: serverKey, ca: certificates.ca }).toThrow(/client certificates/);
    await refused({ ...proof, identity: "mtls+jwt" }).toThrow(/either ca or caFile/);
    await expect(
      serve(sample, Object({ listen: "grpc://127.0.0.1:0", allowInsecure: true, gateway: proof satisfies GatewayProof })),
    ).rejects.toThrow(/not grpc:\/\//);
  });
});

it("a caller without a token is refused before its message is here", async () => {
  transport = "lean";
  const { running } = await serving("jwt");
  const session = connectHttp2(`https://localhost:${running.port}`, { ca: certificates.ca });
  onTestFinished(() => session.destroy());
  const fields = { ":method": "POST", ":path": METHODS.review, "content-type": "application/grpc", te: "trailers" };
  const stream = session.request(fields, { endStream: false });
  const [answer] = await once(stream, "response");
  expect(answer).toMatchObject({ "grpc-status": String(status.UNAUTHENTICATED) });
  expect(running.counters()).toMatchObject({ reviews: 0, unauthenticated: 1 });
});

describe("serveFromEnv", () => {
  it("asks for token and certificate where a JWKS is named, under the names of convention", async () => {
    const directory = await temporaryDirectory();
    const { cert, key: serverKey } = await certificates.server();
    const files = { "ca.pem": certificates.ca, "cert.pem": cert, "key.pem": serverKey, "jwks.json": jwksText(key) };
    for (const [name, text] of Object.entries(files)) await writeFile(directory.file(name), text);
    const running = await serveFromEnv(sample, {
      env: { SALLYPORT_TLS_CA_FILE: directory.file("ca.pem"), SALLYPORT_TLS_CERT_FILE: directory.file("cert.pem") },
      argv: ["--listen", "grpcs://127.0.0.1:0", "--key", directory.file("key.pem"), "--jwks-file", directory.file("jwks.json")],
    });
    onTestFinished(async () => {
      await running.close();
      await directory[Symbol.asyncDispose]();
    });
    const client = await connect(running.port, true);
    const own = { iss: "urn:sallyport:sallyport", aud: "urn:sallyport:interceptor:sample" };
    expect(codeOf(await call(client, METHODS.review, REVIEW))).toBe(status.UNAUTHENTICATED);
    expect(codeOf(await call(client, METHODS.review, REVIEW, await signedToken(key, Date.now(), { claims: own })))).toBe(
      status.OK,
    );
  });

  it.each([
    [["--gateway-identity", "jwt"], /--jwks-url URL or --jwks-file FILE is missing/],
    [["--gateway-identity", "none"], /--gateway-identity is mtls/],
    [["--gateway-identity", "mtls", "--jwks-file", "x"], /--gateway-identity is mtls/],
    [["--jwks-file", "x", "--jwks-url", "https://x/"], /in one place/],
    [["--jwks-file", "x"], /--ca FILE/],
  ])("does not guess: %s", (argv, message) => {
    expect(() => serveFromEnv(sample, { env: {}, argv })).toThrow(message);
  });
});
