import { Command } from "commander";
import { DEFAULT_TOKEN_FILE } from "../config/admin-place.ts";
import { adminAccess, detailOf, type AdminOptions } from "./admin-access.ts";
import { callAdmin, DEFAULT_ADMIN_ADDRESS } from "./admin-call.ts";
import type { CommandIo } from "./io.ts";
import { output } from "./output.ts";

/** Each worker may take as long as `drain` says to finish, an hour at most; a command that waits longer than this is better asked again. */
const TIMEOUT_MS = 3_600_000;

interface RollOptions extends AdminOptions {
  readonly json?: true;
}

/** `sallyport roll`: has a running gateway replace its workers, one after the other; exit code 1 when one of them stayed. */
export function rollCommand(io: CommandIo): Command {
  return new Command("roll")
    .description("Replace the workers of a running gateway, one after the other, without refusing anybody.")
    .argument("[address]", `admin listener (default: what --config says, or ${DEFAULT_ADMIN_ADDRESS})`)
    .option("--config <file>", "the gateway's configuration: says where it listens and where its admin token is")
    .option("--token-file <file>", `file of the admin token (default: what --config says, or ${DEFAULT_TOKEN_FILE})`)
    .option("--json", "answer as JSON")
    .addHelpText("after", "\nExamples:\n  sallyport roll --config gateway.yaml")
    .action((address: string | undefined, options: RollOptions) => roll(address, options, io));
}

async function roll(address: string | undefined, options: RollOptions, io: CommandIo): Promise<void> {
  const says = output(io, options);
  const access = await adminAccess({ address, path: "/admin/roll", options }, io);
  if (!access.ok) return says.fail([access.error]);
  const reply = await callAdmin({ method: "POST", ...access.value, timeoutMs: TIMEOUT_MS });
  if (!reply.ok) return says.fail([reply.error]);
  const { status, json } = reply.value;
  if (status !== 200) return says.fail([`${access.value.url.host} answered ${status}${detailOf(json)}`]);
  const [replaced, kept] = [numbersOf(json, "replaced"), numbersOf(json, "kept")];
  says.answer(({ green }) => [`${green("replaced")}: ${replaced.length} of ${replaced.length + kept.length} workers`], json);
  if (kept.length > 0) says.fail([`no successor began for worker ${kept.join(", ")}; the gateway's log says why`]);
}

const numbersOf = (json: unknown, name: "replaced" | "kept"): readonly unknown[] => {
  const value: unknown = typeof json === "object" && json !== null ? Reflect.get(json, name) : undefined;
  return Array.isArray(value) ? value : [];
};
