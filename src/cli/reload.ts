import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { adminUrl, callAdmin, DEFAULT_ADMIN_ADDRESS } from "./admin-call.ts";
import { adminPlace, DEFAULT_TOKEN_FILE, type AdminPlace } from "../config/admin-place.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { CommandIo } from "./io.ts";
import { output } from "./output.ts";

/** A reload waits for interceptors to describe themselves. */
const TIMEOUT_MS = 120_000;

interface ReloadOptions {
  readonly config?: string;
  readonly tokenFile?: string;
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
  const place = await placeOf(options, io);
  if (!place.ok) return says.fail([place.error]);
  const url = adminUrl(address ?? place.value.address ?? DEFAULT_ADMIN_ADDRESS, "/admin/reload");
  if (!url.ok) return says.fail([url.error]);
  const tokenFile = options.tokenFile ?? place.value.tokenFile;
  const adminToken = await readToken(tokenFile);
  if (adminToken === undefined) {
    const isGuess = options.tokenFile === undefined && options.config === undefined;
    const advice = isGuess ? "; name the gateway's configuration with --config, or the file with --token-file" : "";
    return says.fail([`${tokenFile} cannot be read or holds no admin token${advice}`]);
  }
  const reply = await callAdmin({ method: "POST", url: url.value, timeoutMs: TIMEOUT_MS, adminToken });
  if (!reply.ok) return says.fail([reply.error]);
  const { status, json } = reply.value;
  const outcome = outcomeOf(json);
  if (outcome === undefined) return says.fail([`${url.value.host} answered ${status}${detailOf(json)}`]);
  for (const warning of outcome.warnings) says.warn(warning);
  says.answer(
    ({ green, red, bold }) => [headline(outcome, { green, red, bold }), ...outcome.changes.map((line) => `  ${line}`)],
    json,
  );
  if (outcome.kind !== "rejected") return;
  for (const issue of outcome.issues) io.stderr.write(`${issue}\n`);
  io.exit(1);
}

/** Where the gateway is: as its configuration says, else as its environment does, paths from the working directory. */
async function placeOf({ config }: ReloadOptions, { env }: CommandIo): Promise<Result<AdminPlace, string>> {
  if (config === undefined)
    return ok({
      address: env["SALLYPORT_ADMIN__ADDRESS"],
      tokenFile: env["SALLYPORT_ADMIN__TOKEN_FILE"] ?? DEFAULT_TOKEN_FILE,
    });
  const text = await readFile(config, "utf8").catch(() => undefined);
  return text === undefined ? err(`${config} cannot be read`) : adminPlace({ file: config, text }, env);
}

async function readToken(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  return /^\s*([\x21-\x7e]+)\s*$/.exec(text)?.[1];
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

/** What a problem body says to people. */
const detailOf = (json: unknown): string =>
  typeof json === "object" && json !== null && "detail" in json ? `: ${String(json.detail)}` : "";
