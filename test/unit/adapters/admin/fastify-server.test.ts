import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { startAdminServer, type AdminServer, type AdminServerOptions } from "../../../../src/adapters/admin/fastify-server.ts";
import { adminRoutes } from "../../../../src/admin/admin-routes.ts";
import { err, ok } from "../../../../src/model/result.ts";
import { Secret } from "../../../../src/model/secret.ts";
import { FakeAdminFacts } from "../../../support/admin-facts.ts";
import { MemoryLog } from "../../../support/memory-log.ts";

const TOKEN = "0123456789abcdef";

async function started(
  changes: Partial<AdminServerOptions> = {},
): Promise<{ server: AdminServer; log: MemoryLog; facts: FakeAdminFacts; url: (path: string) => string }> {
  const [log, facts] = [new MemoryLog(), new FakeAdminFacts()];
  const server = await startAdminServer({
    routes: adminRoutes(facts),
    serves: "all",
    address: { host: "127.0.0.1", port: 0 },
    token: () => Promise.resolve(ok(new Secret(TOKEN))),
    log,
    ...changes,
  });
  if (!server.ok) throw new Error(server.error);
  const { host, port } = server.value.address;
  return { server: server.value, log, facts, url: (path) => `http://${host}:${port}${path}` };
}

const authorized = { authorization: `Bearer ${TOKEN}` };

describe("the admin server", () => {
  it("serves public routes to anybody, never to be cached", async () => {
    const { server, url } = await started();
    await using _ = server;
    const response = await fetch(url("/health"));
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await fetch(url("/metrics"))).headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect((await fetch(url("/ready"), { method: "HEAD" })).status).toBe(200);
  });

  it("serves the rest to whoever holds the token, with a body or without", async () => {
    const { server, url, facts } = await started();
    await using _ = server;
    expect((await fetch(url("/admin/plan"), { headers: authorized })).status).toBe(200);
    expect((await fetch(url("/admin/reload"), { method: "POST", headers: authorized })).status).toBe(200);
    expect(
      (
        await fetch(url("/admin/reload"), {
          method: "POST",
          headers: { ...authorized, "content-type": "application/json" },
          body: "not json",
        })
      ).status,
    ).toBe(200);
    expect(facts.reloads).toHaveLength(2);
  });

  it.each([
    ["no credential", {}, 401, "credential_missing"],
    ["another scheme", { authorization: `Basic ${TOKEN}` }, 401, "credential_missing"],
    ["a wrong token", { authorization: `Bearer ${TOKEN}x` }, 401, "credential_invalid"],
    ["a page of another site", { ...authorized, "sec-fetch-site": "cross-site" }, 403, "forbidden"],
    ["another origin", { ...authorized, origin: "https://evil.example" }, 403, "forbidden"],
  ])("refuses %s as a problem", async (_case, headers, status, code) => {
    const { server, url, facts } = await started();
    await using _ = server;
    const response = await fetch(url("/admin/reload"), { method: "POST", headers });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    expect(await response.json()).toMatchObject({ status, code });
    expect(facts.reloads).toEqual([]);
  });

  it("logs a wrong token without the token", async () => {
    const { server, url, log } = await started();
    await using _ = server;
    await fetch(url("/admin/plan"), { headers: { authorization: "Bearer guess-guess-guess" } });
    expect(log.lines).toMatchObject([{ level: "warn", event: "admin_denied", fields: { path: "/admin/plan" } }]);
    expect(JSON.stringify(log.lines)).not.toContain("guess-guess");
  });

  it("lets nobody in when the token cannot be read", async () => {
    const { server, url, log } = await started({ token: () => Promise.resolve(err("admin-token cannot be read: ENOENT")) });
    await using _ = server;
    const response = await fetch(url("/admin/plan"), { headers: authorized });
    expect([response.status, (await response.text()).includes("ENOENT")]).toEqual([500, false]);
    expect(log.events).toEqual(["admin_token_unreadable"]);
  });

  it("takes a replaced token at once", async () => {
    let current = TOKEN;
    const { server, url } = await started({ token: () => Promise.resolve(ok(new Secret(current))) });
    await using _ = server;
    current = "fedcba9876543210";
    expect((await fetch(url("/admin/plan"), { headers: authorized })).status).toBe(401);
    expect((await fetch(url("/admin/plan"), { headers: { authorization: `Bearer ${current}` } })).status).toBe(200);
  });

  it("knows an unknown path from a wrong method", async () => {
    const { server, url } = await started();
    await using _ = server;
    expect(await (await fetch(url("/nothing?token=x"))).json()).toMatchObject({
      status: 404,
      code: "route_not_found",
      retryable: false,
      request_id: expect.stringMatching(/^req_[0-9a-f]{32}$/),
    });
    const wrong = await fetch(url("/admin/reload"), { headers: authorized });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
    expect(
      (await fetch(url("/health"), { method: "OPTIONS", headers: { "access-control-request-method": "GET" } })).headers.get(
        "access-control-allow-origin",
      ),
    ).toBeNull();
  });

  it("refuses a body that is too large", async () => {
    const { server, url } = await started();
    await using _ = server;
    const response = await fetch(url("/admin/reload"), { method: "POST", headers: authorized, body: "x".repeat(64 * 1024 + 1) });
    expect(await response.json()).toMatchObject({ status: 413, code: "body_too_large" });
  });

  it("refuses what is no HTTP, as a problem", async () => {
    const { server } = await started();
    await using _ = server;
    const socket = connect(server.address.port, server.address.host);
    socket.end("NOT HTTP AT ALL\r\n\r\n");
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400 [\s\S]*application\/problem\+json/);
  });

  it("says nothing internal when a route breaks, and logs the stack", async () => {
    const broken = {
      ...adminRoutes(new FakeAdminFacts())[0]!,
      path: "/broken",
      answer: () => Promise.reject(new Error("secret detail")),
    };
    const { server, url, log } = await started({ routes: [broken] });
    await using _ = server;
    const response = await fetch(url("/broken"));
    expect([response.status, (await response.text()).includes("secret detail")]).toEqual([500, false]);
    expect(log.lines).toMatchObject([{ level: "error", event: "admin_failed", fields: { err: { message: "secret detail" } } }]);
  });
});

describe("a status server", () => {
  it("serves what is public and does not know the rest", async () => {
    const { server, url } = await started({ serves: "public" });
    await using _ = server;
    expect((await fetch(url("/ready"))).status).toBe(200);
    expect((await fetch(url("/admin/plan"), { headers: authorized })).status).toBe(404);
  });
});

describe("starting and stopping", () => {
  it("says why an address cannot be had", async () => {
    const { server } = await started();
    await using _ = server;
    const second = await startAdminServer({
      routes: [],
      serves: "all",
      address: server.address,
      token: () => Promise.resolve(err("")),
      log: new MemoryLog(),
    });
    expect(second.ok ? "" : second.error).toContain("EADDRINUSE");
  });

  it("lets a request under way finish", async () => {
    const [begun, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = {
      ...adminRoutes(new FakeAdminFacts())[0]!,
      path: "/slow",
      async answer() {
        begun.resolve();
        await finish.promise;
        return { status: 200, contentType: "text/plain", body: "done" };
      },
    };
    const { server, url } = await started({ routes: [slow] });
    const response = fetch(url("/slow"));
    await begun.promise;
    const closed = server[Symbol.asyncDispose]();
    finish.resolve();
    expect(await (await response).text()).toBe("done");
    await closed;
    await expect(fetch(url("/slow"))).rejects.toThrow();
  });
});
