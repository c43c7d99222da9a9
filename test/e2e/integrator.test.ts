import { spawn } from "node:child_process";
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { ask, problemOf } from "./support/ask.ts";
import { configuration, openRoute } from "./support/configuration.ts";
import { ROOT, startExample } from "./support/example-process.ts";

const OPS_TOKEN = "a-token-of-ops-00000000000000000";

/** The six lines an operator adds. */
const sixLines = (port: number): string => `interceptors:
  - name: tenancy
    endpoint: grpcs://127.0.0.1:${port}
    tls: { ca_file: ca.pem, cert_file: gateway.pem, key_file: gateway.key, server_name: localhost }
    bindings:
      - { id: assign-tenant, phase: pre-route, mode: mutate }
`;

describe("the integrator's path: copy an example, change one rule, run its test, serve it, bind it", () => {
  let upstream: TestUpstream;
  let gateway: TestGateway;
  let copy: string;

  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({
      files: { ...(await gatewayFiles()), "ops.token": OPS_TOKEN },
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        authenticators: { ops: { type: "static-token", token_file: "ops.token", principal: { id: "ops", tenants: ["acme"] } } },
        routes: [openRoute("orders", { authenticate: ["ops"] })],
      }),
    });
    // inside the repository, where the SDK is found as from any workspace, and out of sight of git and of the other tests
    await mkdir(join(ROOT, ".sallyport"), { recursive: true });
    copy = await mkdtemp(join(ROOT, ".sallyport", "integrator-"));
    await cp(join(ROOT, "examples/interceptors/tenancy"), copy, { recursive: true });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    await rm(copy, { recursive: true, force: true });
  });

  const asking = (tenant: string) =>
    ask(gateway, {
      path: "/orders/1",
      headers: [
        ["Authorization", `Bearer ${OPS_TOKEN}`],
        ["X-Tenant-Id", tenant],
      ],
    });

  it("is live without a restart, and does what the changed rule says", async () => {
    // nobody reviews yet
    expect((await asking("globex")).status).toBe(200);

    // one rule changes: whoever is no member learns that there is no such tenant; its test first, which then fails
    await edit("tenancy.test.ts", /status: 403/g, "status: 404");
    expect(await testCopy()).toMatchObject({ code: 1, output: expect.stringMatching(/404/) });
    await edit("tenancy.ts", /deny\(403, "tenant_mismatch"/, 'deny(404, "tenant_mismatch"');
    expect(await testCopy()).toMatchObject({ code: 0 });

    await using service = await startExample(join(copy, "tenancy.ts"));
    const before = gateway.lines.filter(({ event }) => event === "config_reloaded").length;
    await appendFile(gateway.configFile, sixLines(service.port));
    expect(sixLines(service.port).trimEnd().split("\n")).toHaveLength(6);
    await expect
      .poll(() => gateway.lines.filter(({ event }) => event === "config_reloaded").length, { timeout: 10_000 })
      .toBe(before + 1);

    const denied = await asking("globex");
    expect(problemOf(denied)).toMatchObject({ status: 404, code: "tenant_mismatch" });
    expect((await asking("acme")).status).toBe(200);
    expect(upstream.seen.at(-1)?.headers["x-verified-tenant"]).toBe("acme");
    expect(gateway.lines.some(({ event }) => event === "draining")).toBe(false);
  });

  /** Changes a file of the copy; what is to be replaced must be there. */
  async function edit(name: string, pattern: RegExp, replacement: string): Promise<void> {
    const text = await readFile(join(copy, name), "utf8");
    const changed = text.replace(pattern, replacement);
    expect(changed).not.toBe(text);
    await writeFile(join(copy, name), changed);
  }

  /** Runs the copy's own tests, as its README says. */
  function testCopy(): Promise<{ readonly code: number | null; readonly output: string }> {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST") && name !== "NODE_OPTIONS"),
    );
    const child = spawn(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--root", copy], {
      cwd: copy,
      env: { ...env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, output }));
    });
  }
});
