#!/usr/bin/env node
import { COMMANDS } from "./cli/commands.ts";
import { runProgram } from "./cli/program.ts";
import packageJson from "../package.json" with { type: "json" };

// a reader that has seen enough (`| head`) is no failure
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await runProgram(
  process.argv.slice(2),
  { version: packageJson.version, commands: COMMANDS },
  {
    stdout: { write: (text) => void process.stdout.write(text), isTty: process.stdout.isTTY },
    stderr: { write: (text) => void process.stderr.write(text), isTty: process.stderr.isTTY },
    env: process.env,
    version: packageJson.version,
    wallMs: () => Date.now(),
    onHangup: (listener) => {
      process.on("SIGHUP", listener);
      return () => process.off("SIGHUP", listener);
    },
    stopped: () => new Promise((stop) => (["SIGINT", "SIGTERM"] as const).forEach((signal) => process.once(signal, stop))),
  },
);
