import { certsCommand } from "./certs.ts";
import { checkCommand } from "./check.ts";
import { demoCommand } from "./demo/demo.ts";
import { healthcheckCommand } from "./healthcheck.ts";
import type { CommandDefinition } from "./program.ts";
import { planCommand } from "./plan.ts";
import { reloadCommand } from "./reload.ts";
import { rollCommand } from "./roll.ts";
import { runCommand } from "./run.ts";

/** Every command, in the order of the help page. A new one is a file here and a line in this list. */
export const COMMANDS: readonly CommandDefinition[] = [
  runCommand,
  demoCommand,
  checkCommand,
  planCommand,
  certsCommand,
  reloadCommand,
  rollCommand,
  healthcheckCommand,
];
