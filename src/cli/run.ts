import { Command } from "commander";
import type { CommandIo } from "./io.ts";
import { output } from "./output.ts";
import { greeting } from "./greeting.ts";

interface RunOptions {
  readonly strict?: true;
  readonly json?: true;
}

/** `sallyport run`: a gateway until SIGINT or SIGTERM, which drain it; SIGHUP reloads. Its log goes to standard output. */
export function runCommand(io: CommandIo): Command {
  return new Command("run")
    .description("Run the gateway of a configuration.")
    .argument("<file>", "the configuration")
    .option("--strict", "refuse to start while a required interceptor does not answer")
    .option("--json", "say as JSON where it listens")
    .addHelpText("after", "\nExamples:\n  sallyport run gateway.yaml\n  sallyport run gateway.yaml --strict")
    .action((file: string, options: RunOptions) => run(file, options, io));
}

async function run(file: string, options: RunOptions, io: CommandIo): Promise<void> {
  const says = output(io, options);
  // loaded here: a health probe by the same program should not pay for a gateway
  const { startRunningGateway } = await import("../app/start-running-gateway.ts");
  const starting = startRunningGateway({ configFile: file, env: io.env, strict: options.strict === true, version: io.version });
  // listened for from the first moment: a signal that comes while the gateway starts must neither be lost nor end the process there and then
  const stopped = io.stopped();
  const stopFollowing = io.onHangup(
    () => void starting.then((started) => (started.ok ? started.value.reload("signal") : undefined)),
  );
  const started = await starting;
  if (!started.ok) {
    stopFollowing();
    return says.fail(started.error);
  }
  const gateway = started.value;
  for (const warning of gateway.warnings) says.warn(warning);
  if (options.json === true) io.stderr.write(`${JSON.stringify({ listeners: gateway.listeners, admin: gateway.admin })}\n`);
  else for (const line of greeting(gateway, { file, version: io.version })) says.note(line);
  await stopped;
  says.note("draining");
  await gateway[Symbol.asyncDispose]();
  stopFollowing();
}
