/** Ports and files the demonstration's configuration speaks of. */
export interface DemoPlaces {
  readonly gatewayPort: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
  readonly tenancyPort: number;
  readonly quotaPort: number;
}

/** How many requests a tenant may make per minute in the demonstration. */
export const DEMO_QUOTA = 5;

/** The demonstration's gateway, as an operator would write it. */
export const demoConfig = (
  places: DemoPlaces,
): string => `# Written by "sallyport demo". Change it while the gateway runs: every save is taken up, or refused with the line that is wrong.
version: 1

listeners:
  - name: public
    address: 127.0.0.1:${places.gatewayPort}

admin:
  address: 127.0.0.1:${places.adminPort}
  token_file: admin-token

upstreams:
  orders:
    endpoints: [http://127.0.0.1:${places.upstreamPort}]

authenticators:
  keys:
    type: api-key
    slots: [bearer]
    file: keys.yaml

routes:
  - name: orders
    match: { path: /v1/orders/** }
    authenticate: [keys]
    upstream: orders

interceptors:
  # who may act for which tenant: denies, or passes the tenant on
  - name: tenancy
    endpoint: grpcs://127.0.0.1:${places.tenancyPort}
    tls: { ca_file: certs/ca.pem, cert_file: certs/gateway.pem, key_file: certs/gateway.key, server_name: tenancy.demo }
    order: 10
    bindings:
      - { id: assign-tenant, phase: pre-route, mode: mutate }

  # how much each tenant may do: judges the settled request, and hears afterwards how it ended
  - name: quota
    endpoint: grpcs://127.0.0.1:${places.quotaPort}
    tls: { ca_file: certs/ca.pem, cert_file: certs/gateway.pem, key_file: certs/gateway.key, server_name: quota.demo }
    order: 20
    bindings:
      - id: reserve
        phase: pre-route
        mode: validate
        config: { limit: ${DEMO_QUOTA}, window: 60s }
      - { id: settle, phase: pre-route, mode: observe }

# a promise the gateway checks at every load: no order is served that tenancy has not seen
require:
  - { routes: [orders], phase: pre-route, interceptor: tenancy }
`;

/** Callers of the demonstration. Everybody may know these keys: they open a gateway on loopback that guards nothing. */
export const DEMO_CALLERS = [
  { id: "alice", apiKey: "demo-key-of-alice", tenants: ["acme"] },
  { id: "bob", apiKey: "demo-key-of-bob", tenants: ["globex"] },
] as const;

/** The api-key file, with hashes in the place of keys. */
export const demoKeys = (sha256: (text: string) => string): string =>
  DEMO_CALLERS.map(
    ({ id, apiKey, tenants }) =>
      `- id: ${id}\n  sha256: ${sha256(apiKey)}\n  principal: { id: ${id}, tenants: [${tenants.join(", ")}], scopes: [] }\n`,
  ).join("");
