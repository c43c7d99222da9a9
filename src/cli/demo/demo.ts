import { openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { writeDevelopmentCertificates } from "../../app/development-certificates.ts";
import type { RunningGateway } from "../../app/running-gateway.ts";
import type { CommandIo } from "../io.ts";
import { output, type Output } from "../output.ts";
import { demoConfig, demoKeys } from "./demo-config.ts";
import { startDemoInterceptor, type DemoInterceptor, type DemoTls } from "./demo-interceptor.ts";
import { demoRequests, tryRequest, type DemoRequest } from "./demo-requests.ts";
import { startDemoUpstream } from "./demo-upstream.ts";
import { freePort } from "./free-port.ts";

interface DemoOptions {
  readonly dir: string;
  readonly once?: true;
  readonly json?: true;
}

/** `sallyport demo`: an upstream, two interceptors over mTLS and a gateway on this machine, with something to try. */
export function demoCommand(io: CommandIo): Command {
  return new Command("demo")
    .description("Show everything on this machine: an upstream, two interceptors over mTLS, a gateway.")
    .option("--dir <dir>", "where its configuration and certificates go", join(".sallyport", "demo"))
    .option("--once", "stop after the requests were tried")
    .option("--json", "answer as JSON")
    .addHelpText("after", "\nExamples:\n  sallyport demo\n  sallyport demo --dir /tmp/demo --once")
    .action((options: DemoOptions) => demo(options, io));
}

async function demo(options: DemoOptions, io: CommandIo): Promise<void> {
  const says = output(io, options);
  // asked for first, so that an impatient Ctrl-C is not lost
  const stopped = io.stopped();
  const parts = new AsyncDisposableStack();
  try {
    const house = await build(options, io, { parts, says });
    if (house === undefined) return;
    await show(house, says);
    if (options.once === true) return;
    says.note("\nCtrl-C stops everything.");
    await stopped;
    says.note("\nstopping");
  } catch (error) {
    says.fail([error instanceof Error ? error.message : String(error)]);
  } finally {
    await parts.disposeAsync();
  }
}

interface House {
  readonly gateway: RunningGateway;
  readonly gatewayPort: number;
  readonly adminPort: number;
  readonly configFile: string;
  readonly logFile: string;
}

/** Starts everything, each part registered to be stopped in reverse order. */
async function build(
  { dir }: DemoOptions,
  io: CommandIo,
  { parts, says }: { readonly parts: AsyncDisposableStack; readonly says: Output },
): Promise<House | undefined> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const tls = await certificates(join(dir, "certs"), says);
  if (tls === undefined) return undefined;
  const upstream = parts.use(await startDemoUpstream());
  says.note("starting the tenancy and quota interceptors, each in a process of its own");
  const [tenancy, quota] = await bothInterceptors(tls, parts);
  const gatewayPort = await freePort(8080);
  const adminPort = await freePort(9080);
  const configFile = join(dir, "gateway.yaml");
  // not beside the configuration: that directory is watched, and every line written there would be looked at
  const logFile = join(dir, "log", "gateway.log");
  await mkdir(dirname(logFile), { recursive: true, mode: 0o700 });
  await writeFile(
    join(dir, "keys.yaml"),
    demoKeys((text) => createHash("sha256").update(text).digest("hex")),
    { mode: 0o600 },
  );
  await writeFile(
    configFile,
    demoConfig({ gatewayPort, adminPort, upstreamPort: upstream.port, tenancyPort: tenancy.port, quotaPort: quota.port }),
  );
  const { startRunningGateway } = await import("../../app/start-running-gateway.ts");
  const started = await startRunningGateway({
    configFile,
    env: io.env,
    strict: true,
    version: io.version,
    logFd: openSync(logFile, "w", 0o600),
  });
  if (!started.ok) {
    says.fail(started.error);
    return undefined;
  }
  return { gateway: parts.use(started.value), gatewayPort, adminPort, configFile, logFile };
}

/** Starts both at once; when one does not come up, the other is stopped with the rest. */
async function bothInterceptors(
  tls: Readonly<Record<"tenancy" | "quota", DemoTls>>,
  parts: AsyncDisposableStack,
): Promise<readonly [DemoInterceptor, DemoInterceptor]> {
  const [tenancy, quota] = await Promise.allSettled([
    startDemoInterceptor("tenancy", tls.tenancy),
    startDemoInterceptor("quota", tls.quota),
  ]);
  for (const started of [tenancy, quota]) if (started.status === "fulfilled") parts.use(started.value);
  if (tenancy.status === "rejected") throw tenancy.reason;
  if (quota.status === "rejected") throw quota.reason;
  return [tenancy.value, quota.value];
}

async function certificates(dir: string, says: Output): Promise<Readonly<Record<"tenancy" | "quota", DemoTls>> | undefined> {
  const written = await writeDevelopmentCertificates(dir, [
    { name: "gateway", dnsNames: ["gateway.demo"], ipAddresses: [], usage: "client" },
    { name: "tenancy", dnsNames: ["tenancy.demo"], ipAddresses: ["127.0.0.1"], usage: "server" },
    { name: "quota", dnsNames: ["quota.demo"], ipAddresses: ["127.0.0.1"], usage: "server" },
  ]);
  if (!written.ok) {
    says.fail([written.error]);
    return undefined;
  }
  const caFile = written.value.ca.certFile;
  const files = (name: string): DemoTls => ({ caFile, certFile: join(dir, `${name}.pem`), keyFile: join(dir, `${name}.key`) });
  return { tenancy: files("tenancy"), quota: files("quota") };
}

async function show({ gatewayPort, adminPort, configFile, logFile }: House, says: Output): Promise<void> {
  says.note(`\nsallyport is open at http://127.0.0.1:${gatewayPort}`);
  says.note(`  configuration  ${configFile}  (change it: it is taken up while the gateway runs)`);
  says.note(`  access log     ${logFile}`);
  const tried: (DemoRequest & { readonly answer: readonly string[] })[] = [];
  for (const request of demoRequests({ gatewayPort, adminPort })) tried.push({ ...request, answer: await tryRequest(request) });
  says.answer(
    ({ bold, dim }) =>
      tried.flatMap(({ shows, curl, answer }) => ["", `# ${shows}`, bold(curl), ...answer.map((line) => dim(line))]),
    tried.map(({ shows, curl, answer }) => ({ shows, curl, answer })),
  );
}
