import { z } from "zod";
import { err, ok, type Result } from "../../model/result.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { InterceptorEndpoint, InterceptorTlsConfig } from "../interceptor-config.ts";
import { originParser, type Origin } from "./address.ts";
import { isHostName } from "./http-words.ts";
import { count, duration, filePath, SECOND_MS, written } from "./primitives.ts";

/** Most endpoints of one interceptor. */
export const MAX_ENDPOINTS = 16;

/** Longest path a unix socket can be bound to, bytes. */
const MAX_SOCKET_PATH_BYTES = 107;

/** A socket of this machine. */
interface SocketAddress {
  readonly scheme: "unix";
  readonly path: string;
  readonly url: string;
}

const EXAMPLE = "grpcs://127.0.0.1:7443";
const parseOrigin = originParser({ grpcs: undefined, grpc: undefined }, EXAMPLE);

const address = written<Origin | SocketAddress>({
  title: "url",
  expected: `an address such as ${EXAMPLE}`,
  parse: (text) => (text.startsWith("unix:") ? parseSocketAddress(text) : parseOrigin(text)),
});

/** `unix:///path`, taken literally: what would have to be decoded or shortened first is refused. */
function parseSocketAddress(text: string): Result<SocketAddress, string> {
  const path = /^unix:\/\/(\/[^\u0000-\u001f\u007f%?#]*)$/u.exec(text)?.[1];
  if (path === undefined) return err("expected an absolute path, such as unix:///run/sallyport/tenancy.sock");
  if (
    path
      .split("/")
      .slice(1)
      .some((segment) => ["", ".", ".."].includes(segment))
  ) {
    return err("expected the path of a socket without empty segments, . and ..");
  }
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES)
    return err(`expected a path of at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  return ok({ scheme: "unix", path, url: text });
}

const serverName = written<string>({
  title: "host name",
  expected: "the DNS name in the interceptor's certificate",
  parse: (text) => {
    if (isIpAddress(text)) return err("expected a DNS name: an IP address cannot be a server name");
    return isHostName(text.toLowerCase())
      ? ok(text.toLowerCase())
      : err("expected the DNS name in the interceptor's certificate");
  },
});

// all optional here: what is missing after defaults were merged is reported together with the endpoint that needs it
const tls = z.strictObject({
  ca_file: filePath
    .optional()
    .describe("Authorities the interceptor's certificate is checked against, PEM. Required for `grpcs://`."),
  cert_file: filePath.optional().describe("Certificate the gateway shows, PEM. Required for `grpcs://`."),
  key_file: filePath.optional().describe("Private key of that certificate, PEM. Required for `grpcs://`."),
  server_name: serverName
    .optional()
    .describe(
      "DNS name expected in the interceptor's certificate; left out: the endpoint's host. Required where that is an IP address, and with `unix://`.",
    ),
});

const breaker = z.strictObject({
  failures: count({ min: 0, max: 1_000 })
    .default(5)
    .describe("Reviews of one endpoint in a row that were `unavailable` or had their full `timeout`. 0: never."),
  open: duration({ minMs: 50, maxMs: 60 * SECOND_MS })
    .prefault("500ms")
    .describe("Pause before the first review that tries again; doubled while the tries fail."),
});

/** The system's largest user or group id; the one above means "none". */
const id = count({ min: 0, max: 4_294_967_294 });

/** The keys of an interceptor that say where it listens and who it must be. */
export const endpointKeys = {
  endpoint: address
    .optional()
    .describe(
      "Where it listens: `grpcs://host:port`, `unix:///path`, or `grpc://host:port` with `allow_insecure`. Exactly one of `endpoint` and `endpoints`.",
    ),
  endpoints: z
    .array(address)
    .min(1, { error: "expected at least one endpoint" })
    .max(MAX_ENDPOINTS)
    .optional()
    .describe("Where its replicas listen, all alike: one scheme, one `tls`. Each review goes to one of them."),
  breaker: breaker
    .prefault({})
    .describe(
      "When an endpoint that does not answer is asked no more for a while; one review at a time then tries whether it does.",
    ),
  allow_insecure: z.boolean().default(false).describe("Allows `grpc://`: neither side then knows who the other is."),
  tls: tls
    .optional()
    .describe(
      "Mutual TLS with the interceptor; with `unix://` in addition to the checks of the socket. Files are read again when they change.",
    ),
  trusted_uids: z
    .array(id)
    .min(1, { error: "expected at least one user id: leave the key out to mean the gateway's own" })
    .max(64)
    .optional()
    .describe(
      "With `unix://`: users who may own the socket and the directories above it (root may own those as well), and who may listen. Left out: the gateway's own.",
    ),
  trusted_gids: z.array(id).max(64).prefault([]).describe("With `unix://`: groups the socket may be writable by."),
  peer_credentials: z
    .enum(["required", "if-available"])
    .default("if-available")
    .describe(
      "With `unix://`: whether a machine that cannot tell who listens is a refusal, or the owners of the files decide alone. Linux with Node 26 can.",
    ),
};

/** What those keys are once parsed. */
type ParsedEndpoint = z.output<z.ZodObject<typeof endpointKeys>>;

/** The endpoints as the program sees them, in the order of the file. */
export function toEndpoints(parsed: ParsedEndpoint, files: LoadedFiles): readonly InterceptorEndpoint[] {
  const { endpoint, endpoints = endpoint === undefined ? [] : [endpoint] } = parsed;
  return endpoints.map((each) => toEndpoint(each, parsed, files));
}

function toEndpoint(endpoint: Origin | SocketAddress, parsed: ParsedEndpoint, files: LoadedFiles): InterceptorEndpoint {
  if ("path" in endpoint) {
    const trust = {
      trustedUids: parsed.trusted_uids,
      trustedGids: parsed.trusted_gids,
      peerCredentials: parsed.peer_credentials,
    };
    return {
      kind: "unix",
      path: endpoint.path,
      url: endpoint.url,
      tls: parsed.tls === undefined ? undefined : toTls(parsed, undefined, files),
      trust,
    };
  }
  const { scheme, host, port, url } = endpoint;
  return scheme === "grpc"
    ? { kind: "grpc", host, port, url }
    : { kind: "grpcs", host, port, url, tls: toTls(parsed, host, files) };
}

function toTls({ tls: keys }: ParsedEndpoint, host: string | undefined, files: LoadedFiles): InterceptorTlsConfig {
  const required = (text: string | undefined): string => {
    if (text === undefined) throw new Error("an interceptor without certificate files or server name passed the checks");
    return text;
  };
  const file = (path: string | undefined): string => files.resolve(required(path));
  return {
    caFile: file(keys?.ca_file),
    certFile: file(keys?.cert_file),
    keyFile: file(keys?.key_file),
    serverName: required(keys?.server_name ?? host),
  };
}
