import { parseArgs } from "node:util";
import type { Interceptor } from "./interceptor.ts";
import { type RunningInterceptor, serve, type ServeOptions } from "./serve.ts";
import type { TlsOptions } from "./tls-options.ts";

/** Where `serveFromEnv` reads from; the process by default. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Arguments after the script's name. */
  readonly argv?: readonly string[];
}

/**
 * Serves an interceptor as its surroundings say. Each flag wins over its variable:
 * `--listen` SALLYPORT_LISTEN (`grpcs://127.0.0.1:7443`), `--ca` SALLYPORT_TLS_CA_FILE, `--cert`
 * SALLYPORT_TLS_CERT_FILE, `--key` SALLYPORT_TLS_KEY_FILE, `--client-name` (repeatable) SALLYPORT_CLIENT_NAMES (commas
 * in between), `--allow-insecure` SALLYPORT_ALLOW_INSECURE=true.
 */
export function serveFromEnv(interceptor: Interceptor, from: Surroundings = {}): Promise<RunningInterceptor> {
  return serve(interceptor, optionsFrom(from.env ?? process.env, from.argv ?? process.argv.slice(2)));
}

function optionsFrom(env: NonNullable<Surroundings["env"]>, argv: readonly string[]): ServeOptions {
  const { values } = parseArgs({ args: [...argv], options: FLAGS });
  const listen = values.listen ?? env["SALLYPORT_LISTEN"] ?? "grpcs://127.0.0.1:7443";
  if (isInsecure(listen)) {
    const allowed = values["allow-insecure"] ?? env["SALLYPORT_ALLOW_INSECURE"] === "true";
    if (allowed) return { listen, allowInsecure: true };
    throw new TypeError("grpc:// is neither private nor authentic: it takes --allow-insecure or SALLYPORT_ALLOW_INSECURE=true");
  }
  const clientNames = values["client-name"] ?? env["SALLYPORT_CLIENT_NAMES"]?.split(",").map((name) => name.trim());
  const tls: TlsOptions = {
    caFile: required("--ca", values.ca, env["SALLYPORT_TLS_CA_FILE"]),
    certFile: required("--cert", values.cert, env["SALLYPORT_TLS_CERT_FILE"]),
    keyFile: required("--key", values.key, env["SALLYPORT_TLS_KEY_FILE"]),
    ...(clientNames && { clientNames }),
  };
  // serve checks the address itself and says what is wrong with it
  return { listen: listen as `grpcs://${string}`, tls, gateway: { identity: "mtls" } };
}

const isInsecure = (listen: string): listen is `grpc://${string}` => listen.startsWith("grpc://");

function required(flag: "--ca" | "--cert" | "--key", value: string | undefined, variable: string | undefined): string {
  const file = value ?? variable;
  if (file !== undefined && file !== "") return file;
  throw new TypeError(`${flag} FILE or SALLYPORT_TLS_${flag.slice(2).toUpperCase()}_FILE is missing`);
}

const FLAGS = {
  listen: { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  "client-name": { type: "string", multiple: true },
  "allow-insecure": { type: "boolean" },
} as const;
