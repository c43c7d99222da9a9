import type { Certificates } from "./peer.ts";
import { DEFAULT_ROUTES, OTHERS_IN_MANIFEST, type ReviewTerms, type SallyportTerms } from "./sallyport-terms.ts";

/** What a measured gateway's configuration depends on besides its terms. */
export interface MeasuredGateway {
  /** `grpcs://…` or `unix://…`; empty without an interceptor. */
  readonly endpoint: string;
  readonly upstreamPort: number;
  readonly certificates: Certificates;
}

/**
 * The YAML of a measured gateway: a route nobody reviews, one that every binding reviews, and as many others as asked for. Defaults
 * everywhere but for the review's time, because machines that measure are busy.
 */
export const sallyportConfig = (terms: SallyportTerms, place: MeasuredGateway): string => `version: 1
workers: ${terms.workers ?? 1}
listeners:
  - name: public
    address: "127.0.0.1:0"
${terms.codec === undefined ? "" : `    codec: ${terms.codec}\n`}${terms.connections === undefined ? "" : `    limits: { connections: ${terms.connections} }\n`}${terms.hasTls === true ? tlsOf(place) : ""}${terms.hasHttp2 === true ? "    protocols: [http1, http2]\n" : ""}\
admin: { address: "127.0.0.1:0", token_file: admin-token }
upstreams:
  files: { endpoints: ["http://127.0.0.1:${place.upstreamPort}"] }
defaults: { route: { authenticate: [anonymous]${terms.maxBodyBytes === undefined ? "" : `, max_body_bytes: ${terms.maxBodyBytes}`} } }
routes:
  - { name: plain, match: { path: /plain/** }, upstream: files }
  - { name: reviewed, match: { path: /reviewed/** }, upstream: files }
${otherRoutes(terms.routes ?? DEFAULT_ROUTES)}
${terms.reviews === undefined ? "" : interceptorSection(terms.reviews, place)}`;

const tlsOf = ({ certificates: { server } }: MeasuredGateway): string =>
  `    tls: { certs: [{ cert_file: ${server.certFile}, key_file: ${server.keyFile} }] }\n`;

/** As services name them: one prefix each, below one that all share. */
const otherRoutes = (routes: number): string =>
  Array.from(
    { length: routes - 2 },
    (_, at) => `  - { name: other-${at}, match: { path: /services/${at}/** }, upstream: files }`,
  ).join("\n");

function interceptorSection({ bindings, mode, isCached, others = 0 }: ReviewTerms, place: MeasuredGateway): string {
  const own = Array.from(
    { length: bindings },
    (_, at) =>
      `{ id: review-${at + 1}, phase: pre-route, mode: ${mode}, order: ${at + 1}, match: { routes: [reviewed] }${isCached === true ? ", cache: { max_ttl: 60s }" : ""} }`,
  );
  const other = Array.from(
    { length: others },
    (_, at) => `{ id: other-${at % OTHERS_IN_MANIFEST}, phase: pre-route, mode: validate, match: { ${elsewhere(at)} } }`,
  );
  const parts = Array.from({ length: Math.max(1, Math.ceil(others / OTHERS_IN_MANIFEST)) }, (_, part) => {
    const granted = [...(part === 0 ? own : []), ...other.slice(part * OTHERS_IN_MANIFEST, (part + 1) * OTHERS_IN_MANIFEST)];
    return interceptor(`bench${part === 0 ? "" : `-${part}`}`, granted, place);
  });
  return `review_budget: 20s
interceptors:
${parts.join("")}`;
}

const interceptor = (
  name: string,
  granted: readonly string[],
  { endpoint, certificates }: MeasuredGateway,
): string => `  - name: ${name}
    endpoint: ${endpoint}
    ${endpoint.startsWith("unix:") ? `trusted_uids: [${process.getuid?.() ?? 0}]` : clientTls(certificates)}
    timeout: 5s
    bindings:
${granted.map((line) => `      - ${line}\n`).join("")}`;

/** By route and by path in turn: neither may cost a request that takes another route. */
const elsewhere = (at: number): string =>
  at % 2 === 0 ? `routes: [other-${at % (DEFAULT_ROUTES - 2)}]` : `paths: [/services/${at}/orders/**]`;

const clientTls = ({ caFile, client, server }: Certificates): string =>
  `tls: { ca_file: ${caFile}, cert_file: ${client.certFile}, key_file: ${client.keyFile}, server_name: ${server.dnsName} }`;
