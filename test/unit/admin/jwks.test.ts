import { describe, expect, it } from "vitest";
import { startAdminServer } from "../../../src/adapters/admin/fastify-server.ts";
import { adminRoutes } from "../../../src/admin/admin-routes.ts";
import { jwks } from "../../../src/admin/routes/jwks.ts";
import { ok } from "../../../src/model/result.ts";
import { Secret } from "../../../src/model/secret.ts";
import { FakeAdminFacts } from "../../support/admin-facts.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const KEY = { kty: "OKP", crv: "Ed25519", x: "AAAA", kid: "k1", use: "sig", alg: "EdDSA" } as const;

describe("/.well-known/jwks.json", () => {
  it("shows the keys of this moment to anybody, to be kept for less than a new key is published ahead", () => {
    const route = jwks({ jwks: () => ({ keys: [KEY] }) });
    expect([route.access, route.method, route.path]).toEqual(["public", "GET", "/.well-known/jwks.json"]);
    expect(route.answer({ query: {}, body: "" })).toMatchObject({ status: 200, contentType: "application/json", maxAgeS: 30 });
  });

  it("is served by the status listener without a token, with its age; everything else stays uncached", async () => {
    const server = await startAdminServer({
      routes: adminRoutes(new FakeAdminFacts()),
      serves: "public",
      address: { host: "127.0.0.1", port: 0 },
      token: () => Promise.resolve(ok(new Secret("0123456789abcdef"))),
      log: new MemoryLog(),
    });
    if (!server.ok) throw new Error(server.error);
    await using _ = server.value;
    const url = `http://127.0.0.1:${server.value.address.port}`;
    const keys = await fetch(`${url}/.well-known/jwks.json`);
    expect([keys.status, keys.headers.get("cache-control"), await keys.json()]).toEqual([
      200,
      "public, max-age=30",
      { keys: [] },
    ]);
    expect((await fetch(`${url}/health`)).headers.get("cache-control")).toBe("no-store");
    expect((await fetch(`${url}/.well-known/jwks.json`, { method: "POST" })).status).toBe(405);
  });
});
