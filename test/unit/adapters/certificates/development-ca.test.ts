import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../../src/model/secret.ts";
import {
  createDevelopmentCa,
  issue,
  type CertificateAndKey,
  type LeafRequest,
} from "../../../../src/adapters/certificates/development-ca.ts";

const leafOf = (changes: Partial<LeafRequest> = {}): LeafRequest => ({
  commonName: "gateway",
  dnsNames: ["localhost"],
  ipAddresses: ["127.0.0.1"],
  usage: "both",
  ...changes,
});

async function issued(ca: CertificateAndKey, changes?: Partial<LeafRequest>): Promise<CertificateAndKey> {
  const leaf = await issue(ca, leafOf(changes));
  if (!leaf.ok) throw new Error(leaf.error);
  return leaf.value;
}

/** The code a TLS client with these certificates fails with; "connected" when the server took it and it took the server. */
async function handshake(
  server: CertificateAndKey,
  client: CertificateAndKey | undefined,
  trusted: CertificateAndKey,
): Promise<string> {
  const listening = createServer(
    {
      cert: server.certificatePem,
      key: server.privateKeyPem.reveal(),
      ca: trusted.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => socket.end("hello"),
  );
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as { port: number };
  const identity = client === undefined ? {} : { cert: client.certificatePem, key: client.privateKeyPem.reveal() };
  const socket: TLSSocket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: trusted.certificatePem,
    ...identity,
  });
  try {
    const [received] = await Promise.race([once(socket, "data"), once(socket, "close")]);
    return String(received) === "hello" ? "connected" : "closed";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  } finally {
    socket.destroy();
    listening.close();
  }
}

describe("a development authority", () => {
  it("signs with a key of its own kind only", async () => {
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const { certificatePem } = await createDevelopmentCa();
    const leaf = await issue({ certificatePem, privateKeyPem: new Secret(privateKey) }, leafOf());
    expect(leaf.ok ? "" : leaf.error).toContain("no ECDSA P-256 key");
  });

  it("signs leaves that a server and a client accept from each other", async () => {
    const ca = await createDevelopmentCa();
    expect(await handshake(await issued(ca), await issued(ca, { usage: "client" }), ca)).toBe("connected");
  });

  it("is no authority for leaves of another one, and none shown is refused", async () => {
    const [ca, other] = [await createDevelopmentCa(), await createDevelopmentCa()];
    const server = await issued(ca);
    // how the server's refusal reaches the client depends on who is faster
    expect(await handshake(server, undefined, ca)).toMatch(/ALERT|ECONNRESET|closed/);
    expect(await handshake(server, await issued(other), ca)).toMatch(/ALERT|ECONNRESET|closed/);
    expect(await handshake(await issued(other), await issued(ca), ca)).toMatch(/SIGNATURE|UNABLE_TO_VERIFY/);
  });

  it("signs a leaf for one side only where asked to", async () => {
    const ca = await createDevelopmentCa();
    expect(await handshake(await issued(ca, { usage: "client" }), await issued(ca), ca)).toMatch(/PURPOSE/);
  });

  it("marks what it makes: authority and leaf, names, random serial numbers", async () => {
    const ca = await createDevelopmentCa();
    const [one, two] = [
      new X509Certificate((await issued(ca)).certificatePem),
      new X509Certificate((await issued(ca, { commonName: "x, CN=y" })).certificatePem),
    ];
    const authority = new X509Certificate(ca.certificatePem);
    expect([authority.ca, one.ca]).toEqual([true, false]);
    expect(one.checkIssued(authority)).toBe(true);
    expect(one.verify(authority.publicKey)).toBe(true);
    expect(one.subjectAltName).toBe("DNS:localhost, IP Address:127.0.0.1");
    expect(two.subject).not.toContain("\nCN=y");
    expect(one.serialNumber).not.toBe(two.serialNumber);
    expect(one.validToDate.getTime()).toBeLessThan(authority.validToDate.getTime());
  });

  it.each([
    ["a name that is none", { dnsNames: ["a b"] }, '"a b" is not a DNS name'],
    ["an address that is none", { ipAddresses: ["300.1.1.1"] }, '"300.1.1.1" is not an IP address'],
    ["no name and no address", { dnsNames: [], ipAddresses: [] }, "at least one"],
    ["a common name that is too long", { commonName: "x".repeat(65) }, "1 to 64"],
  ])("refuses %s", async (_, changes, reason) => {
    const leaf = await issue(await createDevelopmentCa(), leafOf(changes));
    expect(leaf.ok ? "" : leaf.error).toContain(reason);
  });
});
