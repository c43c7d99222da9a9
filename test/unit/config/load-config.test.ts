import { describe, expect, it } from "vitest";
import { configOf, interceptor, issuesOf, minimal } from "../../support/config-text.ts";

describe("loadConfig", () => {
  it("fills in every built-in value of a minimal file", async () => {
    const { config } = await configOf(minimal());
    expect(config.listeners[0]).toEqual({
      name: "public",
      address: { host: "127.0.0.1", port: 8080 },
      protocols: ["http1"],
      proxyProtocol: false,
      tls: undefined,
      serves: [],
      codec: "node",
      limits: {
        maxHeaderBytes: 60 * 1024,
        maxHeaders: 100,
        maxUriBytes: 8192,
        headerTimeoutMs: 10_000,
        bodyIdleMs: 30_000,
        idleMs: 60_000,
        maxConnections: 10_000,
      },
    });
    expect(config.admin).toEqual({ address: { host: "127.0.0.1", port: 9080 }, tokenFile: ".sallyport/admin-token" });
    expect(config.status).toBeUndefined();
    expect(config.trustedProxies).toEqual({ cidrs: [], headers: "x-forwarded" });
    expect(config.log).toEqual({ level: "info", reviews: "failures" });
    expect(config.drainMs).toBe(30_000);
    expect(config.upstreams[0]?.timeouts).toEqual({ connectMs: 5000, firstByteMs: 30_000, idleMs: 60_000, totalMs: undefined });
    expect(config.upstreams[0]?.maxRequests).toBe(1024);
    expect(config.routes[0]).toMatchObject({
      listeners: ["public"],
      maxBodyBytes: 10 * 1024 * 1024,
      streaming: "auto",
      reviewBudgetMs: 2000,
    });
  });

  it("gives a binding its own terms first, then the interceptor's, then the built-in ones", async () => {
    const more = interceptor({ own: "timeout: 250ms", binding: "max_patches: 4" });
    const { config } = await configOf(minimal(more));
    expect(config.interceptors[0]?.bindings[0]?.terms).toEqual({
      limits: { timeoutMs: 250, maxPatches: 4, maxResponseBytes: 1024 * 1024, maxBodyBytes: 1024 * 1024 },
      failurePolicy: "fail-closed",
      onUnreviewable: "refuse",
      enforcement: "enforce",
      decode: ["gzip", "br", "zstd", "deflate"],
    });
  });

  it("makes an observe binding fail-open whatever its interceptor says", async () => {
    const more = interceptor({ own: "failure_policy: fail-closed" }).replace("mode: mutate", "mode: observe");
    const { config } = await configOf(minimal(more));
    expect(config.interceptors[0]?.bindings[0]?.terms.failurePolicy).toBe("fail-open");
  });

  it("tells an absent selector key, which means all, from a present one", async () => {
    const { config } = await configOf(minimal(interceptor({ binding: "match: { methods: [GET] }" })));
    expect(config.interceptors[0]?.bindings[0]?.match).toEqual({ methods: ["GET"] });
    const { config: without } = await configOf(minimal(interceptor()));
    expect(without.interceptors[0]?.bindings[0]?.match).toEqual({});
  });

  it("resolves the paths of certificates beside the file and reads none of them", async () => {
    const text = minimal(interceptor()).replace(
      "address: 127.0.0.1:8080",
      "address: 127.0.0.1:8443, tls: { certs: [{ cert_file: /etc/c.pem, key_file: k.pem }] }",
    );
    const { config } = await configOf(text);
    expect(config.listeners[0]?.tls?.certs).toEqual([{ certFile: "/etc/c.pem", keyFile: "k.pem" }]);
    expect(config.interceptors[0]?.endpoints[0]).toMatchObject({
      kind: "grpcs",
      host: "tenancy.internal",
      port: 7443,
      tls: { caFile: "ca.pem", serverName: "tenancy.internal" },
    });
  });

  it("writes the settings of a binding as canonical JSON", async () => {
    const { config } = await configOf(minimal(interceptor({ binding: "config: { b: 1, a: [x] }" })));
    expect(config.interceptors[0]?.bindings[0]?.configJson).toBe('{"a":["x"],"b":1}');
  });

  it("keeps an issue on one line whatever its key is", async () => {
    expect(await issuesOf(minimal('"a\\nb\\u001b[31m": 1'))).toEqual([
      'gateway.yaml:8:1: /a\\u000ab\\u001b[31m: unknown key "a\\nb\\u001b[31m"',
    ]);
  });

  it("freezes the whole configuration", async () => {
    const { config } = await configOf(minimal(interceptor()));
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.interceptors[0]?.bindings[0]?.terms.limits)).toBe(true);
  });

  it("lists a dozen different mistakes at once, each at its line and column", async () => {
    const text = `version: 1
listeners:
  - { name: public, address: localhost }
upstreams:
  orders: { endpoints: ["http://127.0.0.1:9000"], max_request: 5 }
routes:
  - name: orders
    match: { path: /v1//orders }
    authenticate: [anonymous, keyz]
    upstream: ordres
    review_budget: 5m
  - name: orders
    match: { path: /v2 }
    authenticate: []
    upstream: orders
interceptors:
  - name: tenancy
    endpoint: grpc://127.0.0.1:7443
    bindings:
      - { id: a, phase: pre-rout, mode: mutate }
log: { level: "\${LOG_LEVEL}" }
`;
    expect(await issuesOf(text)).toEqual([
      'gateway.yaml:3:30: /listeners/0/address: expected a port behind the host, found "localhost"',
      'gateway.yaml:5:51: /upstreams/orders/max_request: unknown key "max_request" (did you mean max_requests?)',
      "gateway.yaml:8:20: /routes/0/match/path: requests never have // in their path: slashes are merged",
      "gateway.yaml:9:20: /routes/0/authenticate/0: anonymous can only be the last authenticator: those behind it would never be asked",
      'gateway.yaml:9:31: /routes/0/authenticate/1: unknown authenticator "keyz"',
      'gateway.yaml:10:15: /routes/0/upstream: unknown upstream "ordres" (did you mean orders?)',
      'gateway.yaml:11:20: /routes/0/review_budget: expected a duration between 10ms and 1m, found "5m"',
      'gateway.yaml:12:11: /routes/1/name: the name "orders" is taken',
      "gateway.yaml:14:19: /routes/1/authenticate: expected at least one authenticator: an open route says [anonymous], found an empty list",
      "gateway.yaml:18:15: /interceptors/0/endpoint: grpc:// is neither encrypted nor authenticated (use grpcs://, or say allow_insecure: true)",
      'gateway.yaml:20:25: /interceptors/0/bindings/0/phase: expected one of pre-auth, pre-route, post-response, found "pre-rout" (did you mean pre-route?)',
      "gateway.yaml:21:15: /log/level: environment variable LOG_LEVEL is not set (set it, or give a default: ${LOG_LEVEL:-default})",
    ]);
  });
});
