import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { checkServerIdentity, createSecureContext } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { http2Endpoints } from "../../../../../src/adapters/upstream/http2/http2-endpoints.ts";
import type { EndpointTls } from "../../../../../src/adapters/upstream/tls/endpoint-tls.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import type { Upstream } from "../../../../../src/ports/upstream.ts";
import { testCertificates } from "../../../../support/certificates.ts";
import { opening, requestTo, textBody } from "../../../../support/upstream.ts";

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  // a listening TCP server's address is no pipe name
  return (server.address() as AddressInfo).port;
}

async function upstreamTo(
  port: number,
  { ca, name = "localhost" }: { readonly ca?: string; readonly name?: string } = {},
): Promise<Upstream> {
  const certificates = await testCertificates();
  const tls: EndpointTls = {
    secureContext: createSecureContext({ ca: ca ?? certificates.ca }),
    sni: name,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
  };
  const upstream = opening(http2Endpoints)([{ url: `https://127.0.0.1:${port}`, weight: 1, priority: 0, tls }]);
  onTestFinished(() => upstream[Symbol.asyncDispose]());
  return upstream;
}

describe("an HTTP/2 upstream over TLS", () => {
  it("is spoken to where it is who it should be, and agrees on HTTP/2", async () => {
    const { cert, key } = await (await testCertificates()).server();
    const port = await listening(
      createSecureServer({ cert, key }, (request, response) => response.end(`${request.scheme} ${request.httpVersion}`)),
    );
    const answer = await (await upstreamTo(port)).send(requestTo("GET"), new CancelSource());
    expect(answer.ok && (await textBody(answer.value.body))).toBe("https 2.0");
  });

  it.each([
    ["its certificate names another", { name: "other.test" }],
    ["its authority is unknown", { ca: "" }],
  ])("gets no byte of a request where %s", async (_name, choice) => {
    const { cert, key } = await (await testCertificates()).server();
    let requests = 0;
    const port = await listening(
      createSecureServer({ cert, key }, (_request, response) => response.end(String((requests += 1)))),
    );
    expect(await (await upstreamTo(port, choice)).send(requestTo("GET"), new CancelSource())).toMatchObject({
      error: { problem: "upstream_unreachable", cause: expect.stringContaining("TLS") },
    });
    expect(requests).toBe(0);
  });

  it("gets none either where it does not agree on HTTP/2", async () => {
    const { cert, key } = await (await testCertificates()).server();
    let requests = 0;
    const port = await listening(createHttpsServer({ cert, key }, (_request, response) => response.end(String((requests += 1)))));
    expect(await (await upstreamTo(port)).send(requestTo("GET"), new CancelSource())).toMatchObject({
      error: { problem: "upstream_unreachable", cause: expect.stringContaining("application protocol") },
    });
    expect(requests).toBe(0);
  });
});
