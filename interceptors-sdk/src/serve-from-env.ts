import { parseArgs } from "node:util";
import { defaultAudience, issuerOf } from "@sallyport/contract/gateway-token.ts";
import type { GatewayProof } from "./gateway-proof.ts";
import type { Interceptor } from "./interceptor.ts";
import { type RunningInterceptor, serve, type ServeOptions, type UnixServeOptions } from "./serve.ts";
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
 * in between), `--allow-insecure` SALLYPORT_ALLOW_INSECURE=true, `--socket-group` SALLYPORT_SOCKET_GROUP, `--transport` SALLYPORT_TRANSPORT (`lean`, or `grpc-js`).
 *
 * `--listen unix:///path` serves without TLS where no certificate is named: to whom the file lets in, and with a JWKS only to those of them
 * whose token is good.
 *
 * With `--jwks-url` SALLYPORT_JWKS_URL or `--jwks-file` SALLYPORT_JWKS_FILE the gateway's token is asked for besides its certificate, or
 * in its place where `--gateway-identity` SALLYPORT_GATEWAY_IDENTITY is `jwt` (else `mtls+jwt`). `--jwks-ca` SALLYPORT_JWKS_CA_FILE,
 * `--issuer` SALLYPORT_GATEWAY_ISSUER (`urn:sallyport:sallyport`), `--audience` SALLYPORT_AUDIENCE
 * (`urn:sallyport:interceptor:<name>`, by the name in the code).
 */
export function serveFromEnv(interceptor: Interceptor, from: Surroundings = {}): Promise<RunningInterceptor> {
  const env = from.env ?? process.env;
  const values = parsed(from.argv ?? process.argv.slice(2));
  return serve(interceptor, { ...optionsFrom(interceptor.name, env, values), ...transportOf(values.transport, env) });
}

const parsed = (argv: readonly string[]) => parseArgs({ args: [...argv], options: FLAGS }).values;

function transportOf(flag: string | undefined, env: NonNullable<Surroundings["env"]>): Pick<ServeOptions, "transport"> {
  const transport = flag ?? env["SALLYPORT_TRANSPORT"] ?? "";
  if (transport === "") return {};
  if (transport === "lean" || transport === "grpc-js") return { transport };
  throw new TypeError("--transport is lean or grpc-js");
}

function optionsFrom(name: string, env: NonNullable<Surroundings["env"]>, values: ReturnType<typeof parsed>): ServeOptions {
  const listen = values.listen ?? env["SALLYPORT_LISTEN"] ?? "grpcs://127.0.0.1:7443";
  if (isInsecure(listen)) {
    const allowed = values["allow-insecure"] ?? env["SALLYPORT_ALLOW_INSECURE"] === "true";
    if (allowed) return { listen, allowInsecure: true };
    throw new TypeError("grpc:// is neither private nor authentic: it takes --allow-insecure or SALLYPORT_ALLOW_INSECURE=true");
  }
  const group = socketGroup(values["socket-group"] ?? env["SALLYPORT_SOCKET_GROUP"]);
  const hasCertificate = (values.cert ?? env["SALLYPORT_TLS_CERT_FILE"] ?? "") !== "";
  if (isSocket(listen) && !hasCertificate) return { listen, gateway: socketProof(name, env, values), ...group };
  const gateway = gatewayProof(name, env, values);
  const clientNames = values["client-name"] ?? env["SALLYPORT_CLIENT_NAMES"]?.split(",").map((each) => each.trim());
  const tls: TlsOptions = {
    ...(gateway.identity !== "jwt" && { caFile: required("--ca", values.ca, env["SALLYPORT_TLS_CA_FILE"]) }),
    certFile: required("--cert", values.cert, env["SALLYPORT_TLS_CERT_FILE"]),
    keyFile: required("--key", values.key, env["SALLYPORT_TLS_KEY_FILE"]),
    ...(clientNames && { clientNames }),
  };
  // serve checks the address itself and says what is wrong with it
  return { listen: listen as `grpcs://${string}`, tls, gateway, ...group };
}

/** By the socket's file alone, unless a JWKS or another identity is named. */
function socketProof(name: string, env: NonNullable<Surroundings["env"]>, flags: Flags): UnixServeOptions["gateway"] {
  const first = (...texts: readonly (Flags[keyof Flags] | undefined)[]) =>
    texts.find((text) => typeof text === "string" && text !== "");
  const jwks = first(flags["jwks-url"], env["SALLYPORT_JWKS_URL"], flags["jwks-file"], env["SALLYPORT_JWKS_FILE"]);
  const identity = first(flags["gateway-identity"], env["SALLYPORT_GATEWAY_IDENTITY"]) ?? (jwks === undefined ? "unix" : "jwt");
  if (identity === "unix" && jwks === undefined) return { identity };
  const proof = identity === "jwt" ? gatewayProof(name, env, { ...flags, "gateway-identity": "jwt" }) : undefined;
  if (proof?.identity === "jwt") return proof;
  throw new TypeError("--gateway-identity is unix or, with a JWKS, jwt, for a unix socket without --cert and --key");
}

function socketGroup(text: string | undefined): { readonly socketGroup?: number } {
  if (text === undefined || text === "") return {};
  if (!/^\d{1,10}$/.test(text)) throw new TypeError("--socket-group is the id of a group, a number");
  return { socketGroup: Number(text) };
}

type Flags = Readonly<Partial<Record<keyof typeof FLAGS, string | boolean | readonly (string | boolean)[]>>>;

/** The client certificate alone, unless a JWKS is named. */
function gatewayProof(name: string, env: NonNullable<Surroundings["env"]>, flags: Flags): GatewayProof {
  const text = (flag: keyof typeof FLAGS, variable: string): string | undefined => {
    const value = flags[flag] ?? env[variable];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [url, file] = [text("jwks-url", "SALLYPORT_JWKS_URL"), text("jwks-file", "SALLYPORT_JWKS_FILE")];
  const identity = text("gateway-identity", "SALLYPORT_GATEWAY_IDENTITY") ?? ((url ?? file) ? "mtls+jwt" : "mtls");
  if (url !== undefined && file !== undefined) throw new TypeError("the JWKS is in one place: --jwks-url or --jwks-file");
  if (identity === "mtls" && url === undefined && file === undefined) return { identity };
  if (identity !== "jwt" && identity !== "mtls+jwt")
    throw new TypeError("--gateway-identity is mtls without a JWKS, and jwt or mtls+jwt with one");
  if (url === undefined && file === undefined) throw new TypeError("--jwks-url URL or --jwks-file FILE is missing");
  const caFile = text("jwks-ca", "SALLYPORT_JWKS_CA_FILE");
  return {
    identity,
    issuer: text("issuer", "SALLYPORT_GATEWAY_ISSUER") ?? issuerOf("sallyport"),
    audience: text("audience", "SALLYPORT_AUDIENCE") ?? defaultAudience(name),
    jwks: url === undefined ? { file: file ?? "" } : { url, ...(caFile !== undefined && { caFile }) },
  };
}

const isSocket = (listen: string): listen is `unix:///${string}` => listen.startsWith("unix:///");

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
  "gateway-identity": { type: "string" },
  issuer: { type: "string" },
  audience: { type: "string" },
  "jwks-url": { type: "string" },
  "jwks-file": { type: "string" },
  "jwks-ca": { type: "string" },
  "socket-group": { type: "string" },
  transport: { type: "string" },
} as const;
