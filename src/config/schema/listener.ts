import { z } from "zod";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { ListenerConfig, ListenerTlsConfig } from "../gateway-config.ts";
import { listenerAddress } from "./address.ts";
import { count, duration, filePath, HOUR_MS, KIB, matching, MIB, name, SECOND_MS, size } from "./primitives.ts";

const limits = z.strictObject({
  header_bytes: size({ minBytes: KIB, maxBytes: MIB }).prefault("60KiB").describe("All request headers together; beyond: 431."),
  headers: count({ min: 1, max: 1000 }).default(100).describe("Number of request header lines; beyond: 431."),
  uri_bytes: size({ minBytes: 256, maxBytes: 64 * KIB })
    .prefault("8KiB")
    .describe("Length of the request target; beyond: 414."),
  header_timeout: duration({ minMs: 100, maxMs: HOUR_MS })
    .prefault("10s")
    .describe("Time a client has to send a request head; beyond: 408."),
  body_idle: duration({ minMs: 100, maxMs: HOUR_MS })
    .prefault("30s")
    .describe("Longest silence within a request body; beyond: 408."),
  idle: duration({ minMs: SECOND_MS, maxMs: HOUR_MS }).prefault("60s").describe("How long an idle connection is kept."),
  connections: count({ min: 1, max: 1_000_000 }).default(10_000).describe("Open connections; further ones are closed at once."),
});

const CERTIFICATES = "expected one to 64 certificates";

const socketMode = matching({
  title: "file mode",
  expected: 'a quoted mode such as "0660"',
  pattern: "^0[0-7]{3}$",
});

const certificate = z.strictObject({
  cert_file: filePath.describe("Certificate chain, PEM. Read again when it changes."),
  key_file: filePath.describe("Private key of the certificate, PEM. Read again when it changes."),
});

const tls = z.strictObject({
  certs: z
    .array(certificate)
    .min(1, { error: CERTIFICATES })
    .max(64, { error: CERTIFICATES })
    .describe(
      "The listener's certificates. A client that asks for a name is shown the one made out to it, exactly or by a wildcard; everybody else the first.",
    ),
  client_ca_file: filePath.optional().describe("Authorities that client certificates are checked against, PEM."),
  client_cert: z.enum(["none", "optional", "required"]).default("none").describe("Whether clients are asked for a certificate."),
});

/** One entry of `listeners`. */
export const listenerSchema = z.strictObject({
  name: name.describe("Name of the listener, unique; routes refer to it."),
  address: listenerAddress.describe(
    "Address to listen on: `host:port`, port 0 takes a free one; or `unix:/path`, a socket file that is made and removed again.",
  ),
  socket_mode: socketMode
    .prefault("0660")
    .describe("With `unix:`: the mode of the socket file; who may write to it may connect."),
  tls: tls.optional().describe("Makes the listener speak HTTPS; without it plain HTTP."),
  protocols: z
    .array(z.enum(["http1", "http2", "h2c"]))
    .min(1, { error: "expected at least one protocol" })
    .prefault(["http1"])
    .describe(
      "What is spoken: HTTP/1.1 (`http1`), HTTP/2 over TLS, chosen by ALPN (`http2`), HTTP/2 without TLS, for clients that know it beforehand (`h2c`).",
    ),
  proxy_protocol: z
    .boolean()
    .default(false)
    .describe(
      "Every connection begins with a header of the PROXY protocol, version 1 or 2, that says whose it is. Only addresses in `trusted_proxies.cidrs` may connect then.",
    ),
  serves: z
    .array(z.enum(["jwks"]))
    .prefault([])
    .describe("`jwks`: the gateway's public keys at `/.well-known/jwks.json`, without a credential, before any route."),
  codec: z
    .enum(["node", "sallyport"])
    .default("node")
    .describe("What reads requests: Node's HTTP server (`node`), or the gateway's own parser, which costs less and is new."),
  limits: limits.prefault({}).describe("Ceilings on what clients send."),
});

/** The listener as the program sees it. */
export function toListener(parsed: z.output<typeof listenerSchema>, files: LoadedFiles): ListenerConfig {
  const { limits } = parsed;
  return {
    name: parsed.name,
    address:
      parsed.address.kind === "tcp" ? parsed.address.tcp : { path: parsed.address.path, mode: parseInt(parsed.socket_mode, 8) },
    protocols: [...new Set(parsed.protocols)],
    proxyProtocol: parsed.proxy_protocol,
    tls: parsed.tls && toTls(parsed.tls, files),
    serves: parsed.serves,
    codec: parsed.codec,
    limits: {
      maxHeaderBytes: limits.header_bytes,
      maxHeaders: limits.headers,
      maxUriBytes: limits.uri_bytes,
      headerTimeoutMs: limits.header_timeout,
      bodyIdleMs: limits.body_idle,
      idleMs: limits.idle,
      maxConnections: limits.connections,
    },
  };
}

const toTls = (parsed: z.output<typeof tls>, files: LoadedFiles): ListenerTlsConfig => ({
  certs: parsed.certs.map((each) => ({ certFile: files.resolve(each.cert_file), keyFile: files.resolve(each.key_file) })),
  clientCaFile: parsed.client_ca_file === undefined ? undefined : files.resolve(parsed.client_ca_file),
  clientCert: parsed.client_cert,
});
