import type { Certificates } from "./peer.ts";

/** What a measured gateway's configuration depends on. */
export interface MeasuredGateway {
  readonly reviews: number;
  readonly interceptorPort: number;
  readonly upstreamPort: number;
  readonly certificates: Certificates;
}

/** The YAML of a measured gateway: a route nobody reviews, and one that every binding reviews. Defaults everywhere but for the review's time, because machines that measure are busy. */
export const sallyportConfig = ({ reviews, interceptorPort, upstreamPort, certificates }: MeasuredGateway): string => `version: 1
listeners:
  - { name: public, address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:0", token_file: admin-token }
upstreams:
  files: { endpoints: ["http://127.0.0.1:${upstreamPort}"] }
routes:
  - { name: plain, match: { path: /plain/** }, authenticate: [anonymous], upstream: files }
  - { name: reviewed, match: { path: /reviewed/** }, authenticate: [anonymous], upstream: files }
${reviews === 0 ? "" : interceptorSection(reviews, interceptorPort, certificates)}`;

const interceptorSection = (
  reviews: number,
  port: number,
  { caFile, client, server }: Certificates,
): string => `review_budget: 20s
interceptors:
  - name: bench
    endpoint: grpcs://127.0.0.1:${port}
    tls:
      ca_file: ${caFile}
      cert_file: ${client.certFile}
      key_file: ${client.keyFile}
      server_name: ${server.dnsName}
    timeout: 5s
    bindings:
${Array.from({ length: reviews }, (_, index) => `      - { id: review-${index + 1}, phase: pre-route, mode: mutate, order: ${index + 1}, match: { routes: [reviewed] } }`).join("\n")}
`;
