import { Command } from "commander";
import { DEFAULT_TOKEN_FILE } from "../config/admin-place.ts";
import { adminAccess, detailOf, type AdminOptions } from "./admin-access.ts";
import { callAdmin, DEFAULT_ADMIN_ADDRESS } from "./admin-call.ts";
import type { CommandIo } from "./io.ts";
import { output } from "./output.ts";

/** A reload waits for interceptors to describe themselves. */
const TIMEOUT_MS = 120_000;

interface ReloadOptions extends AdminOptions {
  readonly json?: true;
}

/** `sallyport reload`: tells a running gateway to read its configuration anew; exit code 1 when it keeps the old one. */
export function reloadCommand(io: CommandIo): Command {
  return new Command("reload")
    .description("Tell a running gateway to reload its configuration, and say what came of it.")
    .argument("[address]", `admin listener (default: what --config says, or ${DEFAULT_ADMIN_ADDRESS})`)
    .option("--config <file>", "the gateway's configuration: says where it listens and where its admin token is")
    .option("--token-file <file>", `file of the admin token (default: what --config says, or ${DEFAULT_TOKEN_FILE})`)
    .option("--json", "answer as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  sallyport reload --config gateway.yaml\n  sallyport reload 127.0.0.1:9080 --token-file /run/secrets/admin-token",
    )
    .action((address: string | undefined, options: ReloadOptions) => reload(address, options, io));
}

async function reload(address: string | undefined, options: ReloadOptions, io: CommandIo): Promise<void> {
  const says = output(io, options);
  const access = await adminAccess({ address, path: "/admin/reload", options }, io);
  if (!access.ok) return says.fail([access.error]);
  const reply = await callAdmin({ method: "POST", ...access.value, timeoutMs: TIMEOUT_MS });
  if (!reply.ok) return says.fail([reply.error]);
  const { status, json } = reply.value;
  const outcome = outcomeOf(json);
  if (outcome === undefined) return says.fail([`${access.value.url.host} answered ${status}${detailOf(json)}`]);
  for (const warning of outcome.warnings) says.warn(warning);
  says.answer(
    ({ green, red, bold }) => [headline(outcome, { green, red, bold }), ...outcome.changes.map((line) => `  ${line}`)],
    json,
  );
  if (outcome.kind !== "rejected") return;
  for (const issue of outcome.issues) io.stderr.write(`${issue}\n`);
  io.exit(1);
}

interface Outcome {
  readonly kind: "swapped" | "unchanged" | "rejected";
  readonly revision: string;
  readonly warnings: readonly string[];
  readonly issues: readonly string[];
  readonly changes: readonly string[];
}

function headline(
  { kind, revision, issues }: Outcome,
  colors: Record<"green" | "red" | "bold", (text: string) => string>,
): string {
  switch (kind) {
    case "swapped":
      return `${colors.green("reloaded")}: revision ${colors.bold(revision)} is in force`;
    case "unchanged":
      return `unchanged: revision ${colors.bold(revision)} stays in force`;
    case "rejected":
      return `${colors.red("rejected")} for ${issues.length} ${issues.length === 1 ? "issue" : "issues"}: revision ${colors.bold(revision)} stays in force`;
    default:
      return kind satisfies never;
  }
}

/** The body of `/admin/reload`, as far as it is one. */
function outcomeOf(json: unknown): Outcome | undefined {
  if (typeof json !== "object" || json === null || !("outcome" in json)) return undefined;
  const { outcome: kind } = json;
  if (kind !== "swapped" && kind !== "unchanged" && kind !== "rejected") return undefined;
  return {
    kind,
    revision: "revision" in json ? String(json.revision) : "",
    warnings: "warnings" in json ? texts(json.warnings) : [],
    issues: "issues" in json ? texts(json.issues) : [],
    changes: "changes" in json ? texts(json.changes) : [],
  };
}

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
