import { parseArgs } from "node:util";
import { LIMITS } from "@sallyport/contract/limits.ts";
import { checkJson } from "@sallyport/contract/json.ts";
import { err, ok, type Result } from "@sallyport/contract/result.ts";
import { ALL_CASES } from "./all-cases.ts";
import { serviceAddress } from "./service-address.ts";
import type { ClientTls, SuiteOptions, TokenTerms } from "./suite-options.ts";

/** What a command line asks for. */
export type Command =
  | { readonly kind: "run"; readonly options: SuiteOptions; readonly isJson: boolean }
  | { readonly kind: "list" }
  | { readonly kind: "help" };

/** Reads a file whole; rejects when it cannot. */
export type ReadText = (path: string) => Promise<string>;

/** Understands the arguments after the program's name; the error is for people. */
export async function readCommand(argv: readonly string[], readText: ReadText): Promise<Result<Command>> {
  let values: Values;
  try {
    ({ values } = parseArgs({ args: [...argv], options: FLAGS }));
  } catch (error) {
    return err(error instanceof Error ? error.message : "arguments that cannot be read");
  }
  if (values.help === true) return ok({ kind: "help" });
  if (values.list === true) return ok({ kind: "list" });
  try {
    const options = await optionsOf(values, readText);
    return options.ok ? ok({ kind: "run", options: options.value, isJson: values.json === true }) : options;
  } catch (error) {
    return err(error instanceof Error ? error.message : "a file that cannot be read");
  }
}

/** What `--help` prints. */
export const HELP = `Usage: sallyport-interceptor-conformance --target grpcs://host:port --ca FILE --cert FILE --key FILE [options]

Asks a running interceptor, in whatever language, everything a Sallyport gateway could, and tells what it does not do as the contract says.

  --target ADDRESS          grpcs://host:port, or grpc://host:port with --allow-insecure
  --ca FILE                 authority of the service's certificate, PEM
  --cert FILE --key FILE    a client certificate the service accepts, as a gateway's, PEM
  --server-name NAME        what the service's certificate names; default: the host
  --allow-insecure          permit grpc://; the cases about TLS are skipped
  --binding ID              review this binding only (repeatable); default: every declared one
  --config ID=JSON          the operator's config of a binding (repeatable)
  --case NAME               run this case only (repeatable)
  --timeout-ms N            grant of time of one review; default 5000
  --slow                    run also what takes longer than ten seconds
  --pid N                   process of the service: SIGTERM it at the end, and watch it drain
  --restart-command COMMAND restarts the service (or starts it again after --pid); must return
  --jwt-key FILE            Ed25519 private key, PKCS #8 PEM: sign calls as a gateway does
  --jwt-kid ID --jwt-issuer ISSUER --jwt-audience AUDIENCE
  --json                    one JSON document on standard output
  --list                    print the cases and what they require

Exit: 0 the service conforms, 1 it does not, 2 the command was used wrongly.
`;

const FLAGS = {
  target: { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  "server-name": { type: "string" },
  "allow-insecure": { type: "boolean" },
  binding: { type: "string", multiple: true },
  config: { type: "string", multiple: true },
  case: { type: "string", multiple: true },
  "timeout-ms": { type: "string" },
  slow: { type: "boolean" },
  pid: { type: "string" },
  "restart-command": { type: "string" },
  "jwt-key": { type: "string" },
  "jwt-kid": { type: "string" },
  "jwt-issuer": { type: "string" },
  "jwt-audience": { type: "string" },
  json: { type: "boolean" },
  list: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>["values"];

async function optionsOf(values: Values, readText: ReadText): Promise<Result<SuiteOptions>> {
  const address = serviceAddress(values.target ?? "");
  if (!address.ok) return values.target === undefined ? err("--target is missing") : address;
  const parts = [
    await tlsOf(values, address.value.scheme, readText),
    configsOf(values.config ?? []),
    await tokenOf(values, readText),
  ] as const;
  const [tls, configs, token] = parts;
  if (!tls.ok) return tls;
  if (!configs.ok) return configs;
  if (!token.ok) return token;
  if (tls.value !== undefined && tls.value.pair === undefined && token.value === undefined)
    return err("--cert and --key are missing");
  const numbers = numbersOf(values);
  if (!numbers.ok) return numbers;
  const unknown = (values.case ?? []).find((name) => !ALL_CASES.some((each) => each.name === name));
  if (unknown !== undefined) return err(`there is no case "${unknown}"; --list shows them`);
  return ok({
    address: address.value,
    tls: tls.value,
    serverName: values["server-name"] ?? address.value.host,
    bindings: values.binding ?? [],
    configs: configs.value,
    cases: values.case ?? [],
    slow: values.slow === true,
    restartCommand: values["restart-command"],
    token: token.value,
    ...numbers.value,
  });
}

async function tlsOf(values: Values, scheme: "grpc" | "grpcs", readText: ReadText): Promise<Result<ClientTls | undefined>> {
  if (scheme === "grpc")
    return values["allow-insecure"] === true ? ok(undefined) : err("grpc:// is in the clear: it takes --allow-insecure");
  if (values.ca === undefined) return err("--ca is missing");
  const ca = await readText(values.ca);
  if (values.cert === undefined && values.key === undefined) return ok({ ca });
  if (values.cert === undefined || values.key === undefined) return err("--cert and --key go together");
  return ok({ ca, pair: { cert: await readText(values.cert), key: await readText(values.key) } });
}

function configsOf(entries: readonly string[]): Result<ReadonlyMap<string, string>> {
  const configs = new Map<string, string>();
  for (const entry of entries) {
    const [, id, json] = /^([^=]+)=(.+)$/s.exec(entry) ?? [];
    if (id === undefined || json === undefined) return err(`--config ${entry}: expected ID=JSON`);
    if (checkJson(json) !== undefined) return err(`--config ${id}: this is no JSON`);
    configs.set(id, json);
  }
  return ok(configs);
}

async function tokenOf(values: Values, readText: ReadText): Promise<Result<TokenTerms | undefined>> {
  const { "jwt-key": keyFile, "jwt-kid": kid, "jwt-issuer": issuer, "jwt-audience": audience } = values;
  if (keyFile === undefined && kid === undefined && issuer === undefined && audience === undefined) return ok(undefined);
  if (keyFile === undefined || kid === undefined || issuer === undefined || audience === undefined) {
    return err("--jwt-key, --jwt-kid, --jwt-issuer and --jwt-audience go together");
  }
  return ok({ privateKeyPem: await readText(keyFile), kid, issuer, audience });
}

function numbersOf(values: Values): Result<Pick<SuiteOptions, "reviewMs" | "pid">> {
  const reviewMs = Number(values["timeout-ms"] ?? 5_000);
  const { min, max } = LIMITS.timeoutMs;
  if (!Number.isInteger(reviewMs) || reviewMs < min || reviewMs > max)
    return err(`--timeout-ms is a whole number from ${min} to ${max}`);
  const pid = values.pid === undefined ? undefined : Number(values.pid);
  // 0 and negative numbers mean whole groups of processes
  if (pid !== undefined && (!Number.isInteger(pid) || pid < 2)) return err("--pid is the number of one process");
  return ok({ reviewMs, pid });
}
