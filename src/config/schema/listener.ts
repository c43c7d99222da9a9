import { z } from "zod";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { ListenerConfig, ListenerTlsConfig } from "../gateway-config.ts";
import { listenAddress } from "./address.ts";
import { count, duration, filePath, HOUR_MS, KIB, MIB, name, SECOND_MS, size } from "./primitives.ts";

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
  requests: count({ min: 1, max: 1_000_000 })
    .default(10_000)
    .describe("Requests under way, open streams included; further ones are answered 503 before their body is read."),
});

const ONE_CERTIFICATE = "expected exactly one certificate";

const certificate = z.strictObject({
  cert_file: filePath.describe("Certificate chain, PEM. Read again when it changes."),
  key_file: filePath.describe("Private key of the certificate, PEM. Read again when it changes."),
});

const tls = z.strictObject({
  certs: z
    .array(certificate)
    .min(1, { error: ONE_CERTIFICATE })
    .max(1, { error: ONE_CERTIFICATE })
    .describe("The listener's certificate; exactly one."),
  client_ca_file: filePath.optional().describe("Authorities that client certificates are checked against, PEM."),
  client_cert: z.enum(["none", "optional", "required"]).default("none").describe("Whether clients are asked for a certificate."),
});

/** One entry of `listeners`. */
export const listenerSchema = z.strictObject({
  name: name.describe("Name of the listener, unique; routes refer to it."),
  address: listenAddress.describe("Address to listen on, `host:port`; port 0 takes a free one."),
  tls: tls.optional().describe("Makes the listener speak HTTPS; without it plain HTTP."),
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
    address: parsed.address,
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
      maxRequests: limits.requests,
    },
  };
}

const toTls = (parsed: z.output<typeof tls>, files: LoadedFiles): ListenerTlsConfig => ({
  certs: parsed.certs.map((each) => ({ certFile: files.resolve(each.cert_file), keyFile: files.resolve(each.key_file) })),
  clientCaFile: parsed.client_ca_file === undefined ? undefined : files.resolve(parsed.client_ca_file),
  clientCert: parsed.client_cert,
});
