import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { startAdminServer } from "../../../src/adapters/admin/fastify-server.ts";
import { readAdminToken } from "../../../src/adapters/admin/token-file.ts";
import { adminRoutes } from "../../../src/admin/admin-routes.ts";
import { adminUrl } from "../../../src/cli/admin-call.ts";
import { FakeAdminFacts } from "../../support/admin-facts.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { healthcheckCommand } from "../../../src/cli/healthcheck.ts";
import { reloadCommand } from "../../../src/cli/reload.ts";
import { rollCommand } from "../../../src/cli/roll.ts";
import { runCommand } from "../../support/run-command.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const call = (argv: readonly string[], changes: { readonly env?: Readonly<Record<string, string>> } = {}) =>
  runCommand(argv, { ...changes, commands: [healthcheckCommand, reloadCommand, rollCommand] });

/** A real admin listener over made-up facts, with its token in a file. */
async function adminListener() {
  const directory = await temporaryDirectory();
  const tokenFile = directory.file("admin-token");
  await writeFile(tokenFile, "0123456789abcdef\n");
  const facts = new FakeAdminFacts();
  const server = await startAdminServer({
    routes: adminRoutes(facts),
    serves: "all",
    address: { host: "127.0.0.1", port: 0 },
    token: () => readAdminToken(tokenFile),
    log: new MemoryLog(),
  });
  if (!server.ok) throw new Error(server.error);
  return {
    facts,
    tokenFile,
    address: `127.0.0.1:${server.value.address.port}`,
    async [Symbol.asyncDispose]() {
      await server.value[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe("sallyport healthcheck", () => {
  it("is done when the gateway is ready, also by the address in the environment", async () => {
    await using gateway = await adminListener();
    expect(await call(["healthcheck", gateway.address])).toEqual({ code: 0, stdout: "ready\n", stderr: "" });
    expect((await call(["healthcheck"], { env: { SALLYPORT_ADMIN__ADDRESS: gateway.address } })).code).toBe(0);
  });

  it("fails with the reasons when it is not, as JSON too", async () => {
    await using gateway = await adminListener();
    gateway.facts.isReady = false;
    gateway.facts.readinessChecks = [{ name: "interceptor tenancy", ok: false, critical: true, reason: "not described" }];
    expect(await call(["healthcheck", gateway.address])).toEqual({
      code: 1,
      stdout: "not_ready\n  interceptor tenancy: not described\n",
      stderr: "",
    });
    const asJson = await call(["healthcheck", gateway.address, "--json"]);
    expect([asJson.code, JSON.parse(asJson.stdout).status]).toEqual([1, "not_ready"]);
  });

  it("fails when nobody listens, or somebody else does", async () => {
    const other = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const wrong = await call(["healthcheck", `127.0.0.1:${port}`]);
    expect([wrong.code, wrong.stderr]).toEqual([1, `error: 127.0.0.1:${port} answered 200, and not as a gateway does\n`]);
    other.close();
    await once(other, "close");
    const nobody = await call(["healthcheck", `127.0.0.1:${port}`]);
    expect([nobody.code, nobody.stderr]).toEqual([1, `error: 127.0.0.1:${port} gives no answer: ECONNREFUSED\n`]);
  });
});

describe("sallyport reload", () => {
  const reload = (gateway: { address: string; tokenFile: string }, ...more: string[]) =>
    call(["reload", gateway.address, "--token-file", gateway.tokenFile, ...more]);

  it("says what is in force now, and warns on standard error", async () => {
    await using gateway = await adminListener();
    gateway.facts.reloadOutcome = {
      kind: "swapped",
      revision: "r2",
      warnings: ["review budget is short"],
      changes: ["route a: removed"],
    };
    expect(await reload(gateway)).toEqual({
      code: 0,
      stdout: "reloaded: revision r2 is in force\n  route a: removed\n",
      stderr: "warning: review budget is short\n",
    });
    gateway.facts.reloadOutcome = { kind: "unchanged", revision: "r2" };
    expect(await reload(gateway)).toMatchObject({ code: 0, stdout: "unchanged: revision r2 stays in force\n" });
    expect(gateway.facts.reloads).toEqual(["admin", "admin"]);
  });

  it("fails with one line per issue when the configuration is refused", async () => {
    await using gateway = await adminListener();
    gateway.facts.reloadOutcome = {
      kind: "rejected",
      revision: "r1",
      issues: ["g.yaml:3:1: /x: unknown key", "g.yaml:9:5: /y: expected a duration"],
    };
    expect(await reload(gateway)).toEqual({
      code: 1,
      stdout: "rejected for 2 issues: revision r1 stays in force\n",
      stderr: "g.yaml:3:1: /x: unknown key\ng.yaml:9:5: /y: expected a duration\n",
    });
    const asJson = await reload(gateway, "--json");
    expect([asJson.code, JSON.parse(asJson.stdout).outcome]).toEqual([1, "rejected"]);
  });

  it("fails without showing the token when it is not taken, or not there", async () => {
    await using gateway = await adminListener();
    const wrong = `${gateway.tokenFile}.wrong`;
    await writeFile(wrong, "another-token-altogether");
    const refused = await reload({ ...gateway, tokenFile: wrong });
    expect([refused.code, refused.stderr]).toEqual([1, `error: ${gateway.address} answered 401: This is not the admin token.\n`]);
    const absent = await reload({ ...gateway, tokenFile: `${wrong}.absent` });
    expect([absent.code, absent.stderr]).toEqual([1, `error: ${wrong}.absent cannot be read or holds no admin token\n`]);
    expect(gateway.facts.reloads).toEqual([]);
  });

  it("finds address and token where the configuration says, as the gateway does, whatever else is wrong with the file", async () => {
    await using gateway = await adminListener();
    await using elsewhere = await temporaryDirectory();
    const config = elsewhere.file("gateway.yaml");
    await writeFile(config, `admin: { address: "${gateway.address}", token_file: own-token }\nno_such_key: 1\n`);
    await writeFile(elsewhere.file("own-token"), "0123456789abcdef\n");
    expect((await call(["reload", "--config", config])).code).toBe(0);
    const env = { SALLYPORT_ADMIN__TOKEN_FILE: gateway.tokenFile };
    expect((await call(["reload", "--config", config], { env })).code).toBe(0);
    expect(gateway.facts.reloads).toEqual(["admin", "admin"]);
    expect(await call(["reload", "--config", `${config}.absent`])).toMatchObject({
      code: 1,
      stderr: `error: ${config}.absent cannot be read\n`,
    });
  });

  it("says how to name the token where it looked for it by itself and found none", async () => {
    await using gateway = await adminListener();
    const env = { SALLYPORT_ADMIN__TOKEN_FILE: `${gateway.tokenFile}.absent` };
    const { code, stderr } = await call(["reload", gateway.address], { env });
    expect([code, stderr]).toEqual([
      1,
      `error: ${gateway.tokenFile}.absent cannot be read or holds no admin token; name the gateway's configuration with --config, or the file with --token-file\n`,
    ]);
  });

  it("does not follow a redirect with the token", async () => {
    await using gateway = await adminListener();
    const elsewhere = createServer((_request, response) =>
      response.writeHead(307, { location: `http://${gateway.address}/admin/reload` }).end(),
    ).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const { port } = elsewhere.address() as { port: number };
    expect((await reload({ ...gateway, address: `127.0.0.1:${port}` })).code).toBe(1);
    expect(gateway.facts.reloads).toEqual([]);
    elsewhere.close();
  });
});

describe("sallyport roll", () => {
  const roll = (gateway: { address: string; tokenFile: string }, ...more: string[]) =>
    call(["roll", gateway.address, "--token-file", gateway.tokenFile, ...more]);

  it("says how many workers were replaced, and fails where one was not", async () => {
    await using gateway = await adminListener();
    gateway.facts.rollOutcome = { replaced: [1, 2], kept: [] };
    expect(await roll(gateway)).toEqual({ code: 0, stdout: "replaced: 2 of 2 workers\n", stderr: "" });
    gateway.facts.rollOutcome = { replaced: [2], kept: [1] };
    expect(await roll(gateway)).toEqual({
      code: 1,
      stdout: "replaced: 1 of 2 workers\n",
      stderr: "error: no successor began for worker 1; the gateway's log says why\n",
    });
    const asJson = await roll(gateway, "--json");
    expect([asJson.code, JSON.parse(asJson.stdout)]).toEqual([1, { replaced: [2], kept: [1] }]);
  });

  it("fails where one process serves, and without the token", async () => {
    await using gateway = await adminListener();
    expect(await roll(gateway)).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${gateway.address} answered 400: One process serves here; there are no workers to replace.\n`,
    });
    expect((await roll({ ...gateway, tokenFile: `${gateway.tokenFile}.absent` })).code).toBe(1);
  });
});

describe("an admin address", () => {
  it.each([
    ["127.0.0.1:9080", "http://127.0.0.1:9080/ready"],
    [":9080", "http://127.0.0.1:9080/ready"],
    ["0.0.0.0:9080", "http://127.0.0.1:9080/ready"],
    ["[::]:9080", "http://[::1]:9080/ready"],
    ["https://gateway.example:9443", "https://gateway.example:9443/ready"],
  ])("%s is asked at %s", (address, expected) => {
    const url = adminUrl(address, "/ready");
    expect(url.ok && url.value.href).toBe(expected);
  });

  it.each(["", "http://", "a b", "127.0.0.1:99999"])("%j is none", (address) => {
    expect(adminUrl(address, "/ready").ok).toBe(false);
  });
});
