import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { readJwks } from "../../../interceptors-sdk/src/read-jwks.ts";
import { testCertificates } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const certificates = await testCertificates();

/** An https server that answers as told, and the URL of its JWKS. */
async function serving(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(await certificates.server(), answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `https://localhost:${typeof address === "object" && address !== null ? address.port : 0}/jwks.json`;
}

const { ca } = certificates;

describe("reading a JWKS over https", () => {
  it("gives the text of a 200", async () => {
    const url = await serving((_request, response) => response.end('{"keys":[]}'));
    expect(await readJwks({ url, ca })()).toBe('{"keys":[]}');
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, RegExp]>([
    ["an error", (_request, response) => void response.writeHead(503).end("{}"), /503/],
    ["a redirect", (_request, response) => void response.writeHead(302, { location: "https://evil.example/" }).end(), /302/],
    ["too much", (_request, response) => void response.end("x".repeat(70_000)), /more than 65536 bytes/],
    ["a cut connection", (request) => void request.socket.destroy(), /socket hang up|ECONNRESET/],
  ])("fails on %s", async (_what, answer, message) => {
    const url = await serving(answer);
    await expect(readJwks({ url, ca })()).rejects.toThrow(message);
  });

  it("gives up on a server that never answers", async () => {
    const url = await serving(() => {});
    await expect(readJwks({ url, ca })()).rejects.toThrow(/abort|timeout/i);
  });

  it("fails on a server of another authority, or under another name", async () => {
    const url = await serving((_request, response) => response.end('{"keys":[]}'));
    await expect(readJwks({ url, ca: certificates.other.ca })()).rejects.toThrow(/certificate|signature/);
    await expect(readJwks({ url })()).rejects.toThrow(/certificate|issuer/);
  });

  it("is not switched off by NODE_TLS_REJECT_UNAUTHORIZED in the environment", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    onTestFinished(() => void vi.unstubAllEnvs());
    const url = await serving((_request, response) => response.end('{"keys":[]}'));
    await expect(readJwks({ url, ca: certificates.other.ca })()).rejects.toThrow(/certificate|signature/);
  });

  it.each([
    ["plain http", { url: "http://127.0.0.1:9080/.well-known/jwks.json" }, /https:\/\//],
    ["no URL", { url: "jwks.json" }, /https:\/\//],
    ["an empty authority", { url: "https://localhost/", ca: "" }, /no PEM text/],
    ["two authorities", { url: "https://localhost/", ca: "x", caFile: "y" }, /either ca or caFile/],
    ["two places", { url: "https://localhost/", file: "jwks.json" }, /either url or file/],
    ["no place", {}, /either url or file/],
  ])("refuses %s at once", (_what, source, message) => {
    expect(() => readJwks(Object(source))).toThrow(message);
  });
});

describe("reading a JWKS from a file", () => {
  it("gives the text as it is at that moment", async () => {
    await using directory = await temporaryDirectory();
    const file = directory.file("jwks.json");
    const read = readJwks({ file });
    await expect(read()).rejects.toThrow(/ENOENT/);
    await writeFile(file, '{"keys":[1]}');
    expect(await read()).toBe('{"keys":[1]}');
    await writeFile(file, "x".repeat(70_000));
    await expect(read()).rejects.toThrow(/more than 65536 bytes/);
  });

  it("fails on a directory", async () => {
    await using directory = await temporaryDirectory();
    await expect(readJwks({ file: directory.path })()).rejects.toThrow();
  });
});
