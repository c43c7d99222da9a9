import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { describe, expect, it, vi } from "vitest";
import { testCertificates } from "../support/certificates.ts";
import { send } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";

const configOf = (upstream: TestUpstream, tls: string): string => `version: 1
listeners: [{ name: secure, address: "127.0.0.1:0", tls: ${tls} }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
log: { level: debug }
upstreams: { echo: { endpoints: ["${upstream.url}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo }]
`;

const SERVER_PAIR = "certs: [{ cert_file: server.pem, key_file: server.key }]";

async function tlsGateway(upstream: TestUpstream, more = ""): Promise<TestGateway> {
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  return startGateway({
    config: configOf(upstream, `{ ${SERVER_PAIR}${more} }`),
    files: { "server.pem": cert, "server.key": key, "clients.pem": certificates.ca },
  });
}

/** Shakes hands as a client and gives the connection, or what went wrong. */
async function shakeHands(url: string, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), servername: "localhost", ...options });
  await once(socket, "secureConnect");
  return socket;
}

const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;

describe("a TLS listener", () => {
  it("serves clients that trust its authority, and tells the upstream that they came over https", async () => {
    await using upstream = await startUpstream();
    await using gateway = await tlsGateway(upstream);
    const { ca } = await testCertificates();
    expect(gateway.url).toMatch(/^https:/);
    const answer = await send(`${gateway.url}/x`, { tls: { ca, servername: "localhost" } });
    expect(answer.status).toBe(200);
    expect(upstream.seen[0]?.headers["x-forwarded-proto"]).toBe("https");
    await expect(send(`${gateway.url}/x`, { tls: { servername: "localhost" } })).rejects.toThrow(/certificate|issuer/i);
  });

  it("speaks TLS 1.2 and 1.3, nothing older, and HTTP/1.1 by ALPN", async () => {
    await using upstream = await startUpstream();
    await using gateway = await tlsGateway(upstream);
    const { ca } = await testCertificates();
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const socket = await shakeHands(gateway.url, {
        ca,
        minVersion: version,
        maxVersion: version,
        ALPNProtocols: ["h2", "http/1.1"],
      });
      expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, "http/1.1"]);
      socket.destroy();
    }
    const old = { ca, minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await expect(shakeHands(gateway.url, old)).rejects.toThrow();
    expect(upstream.seen).toEqual([]);
  });

  it("is no plain HTTP door as well", async () => {
    await using upstream = await startUpstream();
    await using gateway = await tlsGateway(upstream);
    await expect(send(gateway.url.replace("https:", "http:"))).rejects.toThrow();
    expect(upstream.seen).toEqual([]);
  });

  it("takes a renewed certificate for new connections, lets open ones be, and keeps the old one while the files do not fit together", async () => {
    await using upstream = await startUpstream();
    await using gateway = await tlsGateway(upstream);
    const certificates = await testCertificates();
    const { ca } = certificates;
    const [before, after] = [await certificates.server(), await certificates.server("localhost", "127.0.0.1", "renewed.example")];
    const presented = async (): Promise<string> => {
      const socket = await shakeHands(gateway.url, { ca });
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const replace = async (name: string, text: string): Promise<void> => {
      await writeFile(join(gateway.directory, `${name}.new`), text);
      await rename(join(gateway.directory, `${name}.new`), join(gateway.directory, name));
    };
    expect(await presented()).toBe(serialOf(before.cert));
    const open = await shakeHands(gateway.url, { ca });

    // half of the pair: refused, and said so
    await replace("server.pem", after.cert);
    await gateway.lineWhere(({ event }) => event === "certificate_not_renewed", 10_000);
    expect(await presented()).toBe(serialOf(before.cert));

    await replace("server.key", after.key);
    await vi.waitFor(async () => expect(await presented()).toBe(serialOf(after.cert)), { timeout: 10_000, interval: 50 });

    open.write("GET /late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const [answer] = (await once(open, "data")) as [Buffer]; // no encoding was set
    expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 200 /);
    open.destroy();
  });
});

describe("client_cert: required", () => {
  it("lets nobody in without a certificate of its authority", async () => {
    await using upstream = await startUpstream();
    await using gateway = await tlsGateway(upstream, ", client_ca_file: clients.pem, client_cert: required");
    const certificates = await testCertificates();
    const { ca } = certificates;
    const ask = (client: { cert?: string; key?: string }) =>
      send(`${gateway.url}/x`, { tls: { ca, servername: "localhost", ...client } });
    await expect(ask({})).rejects.toThrow();
    await expect(ask(await certificates.other.client())).rejects.toThrow();
    expect(upstream.seen).toEqual([]);
    expect((await ask(await certificates.client("someone"))).status).toBe(200);
  });
});

describe("client_cert: optional", () => {
  it("lets clients in without one, and turns away one that nobody vouches for", async () => {
    await using upstream = await startUpstream();
    await using gateway = await tlsGateway(upstream, ", client_ca_file: clients.pem, client_cert: optional");
    const certificates = await testCertificates();
    const { ca } = certificates;
    const ask = (client: { cert?: string; key?: string }) =>
      send(`${gateway.url}/x`, { tls: { ca, servername: "localhost", ...client } });
    expect((await ask({})).status).toBe(200);
    expect((await ask(await certificates.client("someone"))).status).toBe(200);
    await expect(ask(await certificates.other.client())).rejects.toThrow();
    expect(upstream.seen).toHaveLength(2);
    await gateway.lineWhere(({ event }) => event === "client_certificate_refused");
  });
});
