import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { quota } from "../../examples/interceptors/quota/quota.ts";
import { tenancy } from "../../examples/interceptors/tenancy/tenancy.ts";
import { testCertificates } from "../support/certificates.ts";
import { casesThat, conformanceOf } from "../support/conformance.ts";
import { freePort } from "../support/free-port.ts";
import { runProgram } from "../support/run-program.ts";
import { startInterceptor } from "../support/start-interceptor.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const TENANCY = fileURLToPath(new URL("../../examples/interceptors/tenancy/tenancy.ts", import.meta.url));
const SUITE = fileURLToPath(new URL("../../conformance/src/main.ts", import.meta.url));

// everything else has something to look at in these two
const NEVER_HERE = /^(token-|drain-|restart-|keepalive-|verdict-responds|verdict-repeatable)/;

describe("the SDK's examples", () => {
  it("conform: tenancy, which patches and denies", async () => {
    await using service = await startInterceptor(tenancy);
    const report = await conformanceOf(service.port);
    expect(casesThat("fail", report)).toEqual([]);
    expect(casesThat("skip", report).filter((name) => !NEVER_HERE.test(name) && !name.startsWith("config-"))).toEqual([]);
    expect(casesThat("pass", report).length).toBeGreaterThanOrEqual(70);
  });

  it("conform: quota, which takes a config and observes", async () => {
    await using service = await startInterceptor(quota());
    const report = await conformanceOf(service.port, { configs: new Map([["reserve", '{"limit":1000000,"window":"1h"}']]) });
    expect(casesThat("fail", report)).toEqual([]);
    expect(casesThat("pass", report).filter((name) => name.startsWith("config-"))).toHaveLength(3);
  });

  it("do not conform under a config they refuse", async () => {
    await using service = await startInterceptor(quota());
    const report = await conformanceOf(service.port, { cases: ["describe-accepts-bindings", "verdict-for-typical-view"] });
    expect(report.conforms).toBe(false);
    expect(casesThat("fail", report)).toEqual([expect.stringMatching(/^describe-accepts-bindings: .*--config ID=JSON/)]);
    expect(casesThat("skip", report)).toHaveLength(1);
  });
});

describe("the conformance suite as a program", () => {
  it("restarts a service, drains it, and tells both to programs", async () => {
    await using directory = await temporaryDirectory();
    const { flags, listen, target } = await material(directory);
    const serve = [TENANCY, "--listen", listen, ...flags("server")];
    const first = spawn(process.execPath, serve, { stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(() => void first.kill("SIGKILL"));
    await new Promise((resolve) => first.stdout.once("data", resolve));
    const quote = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");
    const pidFile = directory.file("pid");
    const restart = `kill ${first.pid}; while kill -0 ${first.pid} 2>/dev/null; do sleep 0.05; done; ${quote([process.execPath, ...serve])} >'${directory.file("log")}' 2>&1 & echo $! >'${pidFile}'`;
    const suite = (...more: readonly string[]) =>
      runProgram(process.execPath, [SUITE, "--target", target, ...flags("gateway"), "--json", ...more], { cwd: directory.path });

    const restarted = await suite("--case", "describe-answers", "--case", "restart-survived", "--restart-command", restart);
    expect(restarted, restarted.stdout).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(restarted.stdout)).toMatchObject({
      conforms: true,
      service: "tenancy 1.0.0",
      cases: [{ outcome: "pass" }, { name: "restart-survived", outcome: "pass" }],
    });

    const second = (await readFile(pidFile, "utf8")).trim();
    onTestFinished(() => void runProgram("kill", ["-9", second]));
    const drained = await suite("--case", "drain-finishes-reviews", "--pid", second);
    expect(drained, drained.stdout).toMatchObject({ code: 0 });
    expect(JSON.parse(drained.stdout)).toMatchObject({ cases: [{ outcome: "pass", reason: "health said so" }] });
  });

  it("ends with 1 where nobody answers, and with 2 where it is used wrongly", async () => {
    await using directory = await temporaryDirectory();
    const { flags, target } = await material(directory);
    const suite = (...argv: readonly string[]) => runProgram(process.execPath, [SUITE, ...argv], { cwd: directory.path });
    const failed = await suite("--target", target, ...flags("gateway"), "--case", "describe-answers");
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/^FAIL {2}describe-answers[^]*required: Describe without bindings[^]*0 passed, 1 failed/);
    const unknown = await suite("--target", target, ...flags("gateway"), "--case", "nope");
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain('there is no case "nope"');
    const listed = await suite("--list");
    expect(listed.code).toBe(0);
    expect(listed.stdout.trimEnd().split("\n").length).toBeGreaterThanOrEqual(40);
  });
});

/** Certificates as files, and a free port. */
async function material(directory: Awaited<ReturnType<typeof temporaryDirectory>>) {
  const certificates = await testCertificates();
  const port = await freePort();
  await writeFile(directory.file("ca.pem"), certificates.ca);
  for (const [name, pair] of [
    ["server", await certificates.server()],
    ["gateway", await certificates.client()],
  ] as const) {
    await writeFile(directory.file(`${name}.pem`), pair.cert);
    await writeFile(directory.file(`${name}.key`), pair.key);
  }
  const flags = (name: string): readonly string[] => [
    ...["--ca", directory.file("ca.pem")],
    ...["--cert", directory.file(`${name}.pem`)],
    ...["--key", directory.file(`${name}.key`)],
  ];
  return { flags, listen: `grpcs://127.0.0.1:${port}`, target: `grpcs://localhost:${port}` };
}
