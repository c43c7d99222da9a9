import { Command } from "commander";
import { adminUrl, callAdmin, DEFAULT_ADMIN_ADDRESS } from "./admin-call.ts";
import type { CommandIo } from "./io.ts";
import { output } from "./output.ts";

/** Container probes wait this long at most by habit. */
const TIMEOUT_MS = 3000;

/** `sallyport healthcheck`: exit code 0 when a gateway is ready, 1 when not. */
export function healthcheckCommand(io: CommandIo): Command {
  return new Command("healthcheck")
    .description("Ask a running gateway whether it is ready; exit code 0 when it is.")
    .argument("[address]", "admin or status listener", io.env["SALLYPORT_ADMIN__ADDRESS"] ?? DEFAULT_ADMIN_ADDRESS)
    .option("--json", "answer as JSON")
    .addHelpText("after", "\nExamples:\n  sallyport healthcheck\n  sallyport healthcheck 127.0.0.1:9081 --json")
    .action((address: string, options: { readonly json?: true }) => healthcheck(address, options, io));
}

async function healthcheck(address: string, options: { readonly json?: true }, io: CommandIo): Promise<void> {
  const says = output(io, options);
  const url = adminUrl(address, "/ready");
  if (!url.ok) return says.fail([url.error]);
  const reply = await callAdmin({ method: "GET", url: url.value, timeoutMs: TIMEOUT_MS });
  if (!reply.ok) return says.fail([reply.error]);
  const { status, json } = reply.value;
  const state = readyState(json);
  if (state === undefined) return says.fail([`${url.value.host} answered ${status}, and not as a gateway does`]);
  says.answer(({ green, yellow, red }) => {
    const color = state.status === "ready" ? green : status === 200 ? yellow : red;
    return [color(state.status), ...state.failing.map(({ name, reason }) => `  ${name}: ${reason}`)];
  }, json);
  if (status !== 200) io.exit(1);
}

interface ReadyState {
  readonly status: string;
  readonly failing: readonly { readonly name: string; readonly reason: string }[];
}

/** The body of `/ready`, as far as it is one. */
function readyState(json: unknown): ReadyState | undefined {
  if (!isRecord(json) || typeof json["status"] !== "string" || !Array.isArray(json["checks"])) return undefined;
  const checks: readonly unknown[] = json["checks"];
  return {
    status: json["status"],
    failing: checks.flatMap((check) =>
      isRecord(check) && check["ok"] === false ? [{ name: String(check["name"]), reason: String(check["reason"]) }] : [],
    ),
  };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
