import { describe, expect, it } from "vitest";
import { configOf, interceptor, issuesOf, minimal } from "../../support/config-text.ts";

/** Issues without their positions. */
const issuesIn = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text, { files: { "keys.yaml": "[]", "ops.token": "some-token" } })).map((issue) =>
    issue.replace(/^gateway\.yaml:\d+:\d+: /, ""),
  );

const route = (keys: string): string => `  - { authenticate: [anonymous], upstream: orders, ${keys} }\n`;

describe("names", () => {
  it("are unique among listeners, routes and interceptors", async () => {
    const text = minimal(interceptor()).replace(
      "{ name: public, address: 127.0.0.1:8080 }",
      "{ name: public, address: 127.0.0.1:8080 }\n  - { name: public, address: 127.0.0.1:8081 }",
    );
    expect(await issuesIn(text)).toEqual(['/listeners/1/name: the name "public" is taken']);
  });

  it("tell a binding by its id and phase together", async () => {
    const twice = (phase: string): string =>
      minimal(`${interceptor()}      - { id: assign-tenant, phase: ${phase}, mode: validate }\n`);
    expect(await issuesIn(twice("pre-auth"))).toEqual([]);
    expect(await issuesIn(twice("pre-route"))).toEqual([
      "/interceptors/0/bindings/1: this binding stands here twice for one phase",
    ]);
  });

  it.each([
    ["match: { routes: [order] }", '/interceptors/0/bindings/0/match/routes/0: unknown route "order" (did you mean orders?)'],
    ["match: { except_routes: [x] }", '/interceptors/0/bindings/0/match/except_routes/0: unknown route "x"'],
  ])("of selectors exist: %s", async (binding, message) => {
    expect(await issuesIn(minimal(interceptor({ binding })))).toEqual([message]);
  });

  it.each([
    [
      "{ phase: pre-route, interceptor: tenency }",
      '/require/0/interceptor: unknown interceptor "tenency" (did you mean tenancy?)',
    ],
    [
      "{ phase: pre-route, interceptor: tenancy, binding: asign-tenant }",
      '/require/0/binding: unknown binding "asign-tenant" (did you mean assign-tenant?)',
    ],
    [
      "{ phase: pre-route, interceptor: tenancy, routes: [ordrs] }",
      '/require/0/routes/0: unknown route "ordrs" (did you mean orders?)',
    ],
  ])("of claims exist: %s", async (claim, message) => {
    expect(await issuesIn(minimal(`${interceptor()}require: [${claim}]`))).toEqual([message]);
  });

  it("of a claim may wait for the manifest under a dynamic grant", async () => {
    const more = `${interceptor({ own: "grant: dynamic" })}require: [{ phase: pre-route, interceptor: tenancy, binding: from-manifest }]`;
    expect(await issuesIn(minimal(more))).toEqual([]);
  });

  it("of listeners and upstreams exist", async () => {
    const text = minimal().replace("upstream: orders }", "upstream: orders, listeners: [publc] }");
    expect(await issuesIn(text)).toEqual(['/routes/0/listeners/0: unknown listener "publc" (did you mean public?)']);
  });
});

describe("authenticate", () => {
  it("is required on the route or in defaults", async () => {
    const text = minimal().replace("authenticate: [anonymous], ", "");
    expect((await issuesIn(text))[0]).toMatch(/^\/routes\/0\/authenticate: required key "authenticate" is missing/);
    const { config } = await configOf(`${text}defaults: { route: { authenticate: [anonymous] } }`);
    expect(config.routes[0]?.authenticate).toEqual(["anonymous"]);
  });

  it("is never empty: an open route says so", async () => {
    expect(await issuesIn(minimal().replace("[anonymous]", "[]"))).toEqual([
      "/routes/0/authenticate: expected at least one authenticator: an open route says [anonymous], found an empty list",
    ]);
  });

  it("has anonymous at its end only, and no authenticator of that name", async () => {
    const keys = "authenticators:\n  keys: { type: api-key, file: keys.yaml }\n";
    expect(await issuesIn(minimal(keys).replace("[anonymous]", "[anonymous, keys]"))).toEqual([
      "/routes/0/authenticate/0: anonymous can only be the last authenticator: those behind it would never be asked",
    ]);
    expect(await issuesIn(minimal(keys).replace("[anonymous]", "[keys, anonymous]"))).toEqual([]);
    expect(await issuesIn(minimal(keys.replace("keys:", "anonymous:")))).toEqual([
      "/authenticators/anonymous: anonymous is built in: expected another name",
    ]);
  });
});

describe("routes that tie", () => {
  it.each([
    ["the same path", "match: { path: /v1/orders/** }"],
    ["a listener in common", "match: { path: /v1/orders/** }, listeners: [public]"],
  ])("are refused: %s", async (_what, keys) => {
    expect(await issuesIn(minimal(undefined).concat(route(`name: b, ${keys}`)))).toEqual([
      '/routes/1/match/path: matches the same requests as route "orders", with the same rank (tell them apart by host, path, methods, headers or query)',
    ]);
  });

  it.each([
    ["/t/*", "/t/:x", false],
    ["/t/*", "/t/**", true],
    ["/t/a", "/t/*", true],
    ["/t/", "/t", true],
    ["/t/*/b", "/t/a/*", true],
  ])("are told by their shape: %s and %s", async (first, second, apart) => {
    const text = minimal() + route(`name: b, match: { path: '${first}' }`) + route(`name: c, match: { path: '${second}' }`);
    expect((await issuesIn(text)).length === 0).toBe(apart);
  });

  it.each([
    ["hosts: [a.example]", "hosts: [b.example]", true],
    ["hosts: [a.example, b.example]", "hosts: [B.example]", false],
    ["methods: [GET]", "methods: [POST]", true],
    ["methods: [GET]", "methods: [HEAD]", false],
    ["methods: [GET]", "methods: []", true],
    ["headers: { x-v: a }", "headers: { x-v: b }", true],
    ["headers: { x-v: a }", "headers: { x-w: a }", false],
    ["headers: { x-v: a }", "query: { v: a, w: b }", true],
  ])("are told by their conditions: %s and %s", async (first, second, apart) => {
    const text = minimal() + route(`name: b, match: { path: /t, ${first} }`) + route(`name: c, match: { path: /t, ${second} }`);
    expect((await issuesIn(text)).length === 0).toBe(apart);
  });
});

describe("listeners", () => {
  it("share no address, not with the built-in ones either", async () => {
    const at = (address: string): string => minimal().replace("127.0.0.1:8080", address);
    expect(await issuesIn(at("127.0.0.1:9080"))).toEqual([
      "/listeners/0/address: the admin or status listener has this address unless the file moves it",
    ]);
    expect(await issuesIn(`${at("127.0.0.1:9080")}admin: { address: 127.0.0.1:0 }`)).toEqual([]);
    expect(await issuesIn(`${minimal()}admin: { address: 127.0.0.1:8080 }`)).toEqual([
      "/admin/address: something else listens on this address already",
    ]);
  });

  it("have one certificate at least, and authorities where clients show theirs", async () => {
    const tls = (keys: string): string => minimal().replace("8080 }", `8080, tls: { ${keys} } }`);
    const cert = "{ cert_file: c, key_file: k }";
    expect(await issuesIn(tls("certs: []"))).toEqual([
      "/listeners/0/tls/certs: expected one to 64 certificates, found an empty list",
    ]);
    expect(await issuesIn(tls(`certs: [${cert}, ${cert}]`))).toEqual([]);
    expect(await issuesIn(tls(`certs: [${cert}], client_cert: required`))).toEqual([
      "/listeners/0/tls/client_cert: client_ca_file is missing: client certificates could not be checked",
    ]);
    expect(await issuesIn(tls(`certs: [${cert}], client_ca_file: ca.pem`))).toEqual([
      "/listeners/0/tls/client_ca_file: has no effect: client_cert is none (client_cert: optional or required)",
    ]);
  });
});

describe("endpoints of interceptors", () => {
  const at = (endpoint: string, tls: string): string =>
    minimal(interceptor())
      .replace("grpcs://tenancy.internal:7443", endpoint)
      .replace(/tls: .*\n/, tls === "" ? "\n" : `tls: ${tls}\n`);
  const complete = "{ ca_file: a, cert_file: b, key_file: c }";

  it("need mutual TLS in full", async () => {
    expect(await issuesIn(at("grpcs://t.internal:1", ""))).toEqual([
      '/interceptors/0/tls: required key "tls" is missing (grpcs:// needs ca_file, cert_file, key_file)',
    ]);
    expect(await issuesIn(at("grpcs://t.internal:1", "{ ca_file: a }"))).toEqual([
      '/interceptors/0/tls/cert_file: required key "cert_file" is missing (grpcs:// needs mutual TLS)',
      '/interceptors/0/tls/key_file: required key "key_file" is missing (grpcs:// needs mutual TLS)',
    ]);
  });

  it.each(["grpcs://127.0.0.1:7443", "grpcs://[::1]:7443"])("that are IP addresses need a server name: %s", async (endpoint) => {
    expect(await issuesIn(at(endpoint, complete))).toEqual([
      '/interceptors/0/tls/server_name: required key "server_name" is missing (an IP address cannot be looked for in a certificate by name)',
    ]);
    expect(await issuesIn(at(endpoint, complete.replace("}", ", server_name: t.internal }")))).toEqual([]);
    expect(await issuesIn(at(endpoint, complete.replace("}", ", server_name: 127.0.0.1 }")))).toEqual([
      '/interceptors/0/tls/server_name: expected a DNS name: an IP address cannot be a server name, found "127.0.0.1"',
    ]);
  });

  it("are insecure only where the file says so", async () => {
    const issue =
      "/interceptors/0/endpoint: grpc:// is neither encrypted nor authenticated (use grpcs://, or say allow_insecure: true)";
    expect(await issuesIn(at("grpc://127.0.0.1:7443", ""))).toEqual([issue]);
    const allowed = at("grpc://127.0.0.1:7443", "").replace("order: 1000", "allow_insecure: true");
    expect(await issuesIn(allowed)).toEqual([]);
    expect((await configOf(allowed)).config.interceptors[0]?.endpoints[0]).toEqual({
      kind: "grpc",
      host: "127.0.0.1",
      port: 7443,
      url: "grpc://127.0.0.1:7443",
    });
    expect(await issuesIn(allowed.replace("allow_insecure: true", "allow_insecure: false"))).toEqual([issue]);
  });

  describe("of which there are several", () => {
    const several = (endpoints: string, tls = complete): string => at("x", tls).replace("endpoint: x", `endpoints: ${endpoints}`);

    it("are of one kind, and none stands twice", async () => {
      expect(await issuesIn(several("[grpcs://a.internal:1, grpcs://b.internal:1]"))).toEqual([]);
      expect(await issuesIn(several('["grpcs://a.internal:1", "unix:///run/t"]'))).toEqual([
        "/interceptors/0/endpoints: grpcs:// and unix:// are mixed (all endpoints of one interceptor are of one kind)",
      ]);
      expect(await issuesIn(several("[grpcs://a.internal:1, grpcs://A.internal:1]"))).toEqual([
        "/interceptors/0/endpoints/1: is listed twice",
      ]);
      expect(await issuesIn(several('["unix:///run/t", "unix:///run/T"]', ""))).toEqual([]);
    });

    it("need a server name where one of them is an IP address; otherwise each is known by its own host", async () => {
      expect(await issuesIn(several('["grpcs://a.internal:1", "grpcs://[::1]:1"]'))).toEqual([
        '/interceptors/0/tls/server_name: required key "server_name" is missing (an IP address cannot be looked for in a certificate by name)',
      ]);
      const { config } = await configOf(several("[grpcs://a.internal:1, grpcs://b.internal:1]"));
      expect(config.interceptors[0]?.endpoints).toMatchObject(
        ["a.internal", "b.internal"].map((host) => ({ host, tls: { serverName: host } })),
      );
    });

    it("take the place of endpoint: one of the two is there", async () => {
      expect(await issuesIn(at("x", complete).replace("endpoint: x", "grant: exact"))).toEqual([
        '/interceptors/0/endpoint: required key "endpoint" is missing (or endpoints, for several)',
      ]);
      expect(
        await issuesIn(at("grpcs://a.internal:1", complete).replace("order: 1000", "endpoints: [grpcs://b.internal:1]")),
      ).toEqual(["/interceptors/0/endpoints: endpoint and endpoints are both given (use endpoints for all of them)"]);
    });

    it("are sixteen at most, and each is looked at by itself", async () => {
      const many = Array.from({ length: 17 }, (_, index) => `grpcs://t${index}.internal:1`);
      expect(await issuesIn(several(`[${many.join(", ")}]`))).toEqual([expect.stringMatching(/^\/interceptors\/0\/endpoints: /)]);
      expect(await issuesIn(several('["grpc://a.internal:1", "grpc://b.internal:1"]', ""))).toEqual(
        [0, 1].map((index) => expect.stringMatching(`^/interceptors/0/endpoints/${index}: grpc:// is neither encrypted`)),
      );
    });
  });

  it("have a breaker, whose bounds are held", async () => {
    const breaker = (keys: string): string => minimal(interceptor({ own: `breaker: ${keys}` }));
    const { config } = await configOf(minimal(interceptor()));
    expect(config.interceptors[0]?.breaker).toEqual({ failures: 5, openMs: 500 });
    expect((await configOf(breaker("{ failures: 0, open: 2s }"))).config.interceptors[0]?.breaker).toEqual({
      failures: 0,
      openMs: 2_000,
    });
    expect(await issuesIn(breaker("{ failures: -1 }"))).toEqual([
      expect.stringMatching(/^\/interceptors\/0\/breaker\/failures: expected/),
    ]);
    expect(await issuesIn(breaker("{ open: 10ms }"))).toEqual([
      expect.stringMatching(/^\/interceptors\/0\/breaker\/open: expected/),
    ]);
  });

  it.each(["http://t.internal:1", "grpcs://t.internal", "unix+tls:///run/t.sock"])(
    "are of no other kind: %s",
    async (endpoint) => {
      expect((await issuesIn(at(endpoint, complete)))[0]).toMatch(/^\/interceptors\/0\/endpoint: expected /);
    },
  );
});

describe("bindings", () => {
  it.each([
    [
      "mode: observe\n        failure_policy: fail-closed",
      "failure_policy: an observe binding is always fail-open: it runs after the exchange",
    ],
    ["mode: validate\n        writes: [/labels/a]", "writes: validate bindings patch nothing (mode: mutate)"],
    ["mode: validate\n        may: [reroute]", "may/0: validate bindings cannot have this power (mode: mutate)"],
    ["mode: observe\n        may: [set-cookies]", "may/0: observe bindings cannot have this power (mode: mutate)"],
  ])("keep to their mode: %s", async (keys, message) => {
    const text = minimal(interceptor()).replace("mode: mutate", keys);
    expect(await issuesIn(text)).toEqual([`/interceptors/0/bindings/0/${message}`]);
  });

  it.each([
    ["pre-auth", "match: { principals: [ops] }", "match/principals: at pre-auth nobody is authenticated yet"],
    ["post-response", "may: [respond]", "may/0: at post-response the upstream has already answered"],
    ["pre-auth", "needs: [/principal]", "needs/0: at pre-auth there is no principal yet"],
    ["pre-auth", "needs: [/tenant/id]", "needs/0: at pre-auth there is no tenant yet"],
    ["pre-route", "needs: [/response/status]", "needs/0: there is no response before post-response"],
    ["pre-route", "needs: [/outcome]", "needs/0: only observers see the outcome"],
    ["pre-route", "writes: [/request/host]", "writes/0: /request/host is read-only"],
    ["pre-route", "writes: [/principal/id]", "writes/0: /principal is read-only"],
    ["pre-route", "writes: [/request/headers/content-length]", "writes/0: the header content-length is protected"],
    ["pre-route", "writes: [/request/headers/x-forwarded-for]", "writes/0: the header x-forwarded-for is protected"],
    ["pre-route", "writes: [/request/headers/authorization]", "writes/0: a hidden field is never written"],
    [
      "post-response",
      "writes: [/response/headers/set-cookie/-]",
      "writes/0: setting cookies is a power of its own (may: [set-cookies])",
    ],
    ["pre-route", "expose: [/principal]", "expose/0: only headers and query parameters can be exposed: nothing else is hidden"],
    [
      "pre-route",
      "needs: [/request/headers/cookie]",
      "needs/0: this field is hidden: it may carry a credential (list it in expose as well to grant reading it)",
    ],
  ])("at %s refuse %s", async (phase, keys, message) => {
    const text = minimal(interceptor({ binding: keys })).replace("phase: pre-route", `phase: ${phase}`);
    expect(await issuesIn(text)).toEqual([`/interceptors/0/bindings/0/${message}`]);
  });

  it("may read a hidden field that is exposed, and never write it", async () => {
    const exposed = (more: string): string =>
      minimal(interceptor({ binding: `expose: [/request/headers/cookie]\n        ${more}` }));
    expect(await issuesIn(exposed("needs: [/request/headers/cookie]"))).toEqual([]);
    expect(await issuesIn(exposed("writes: [/request/headers/cookie]"))).toEqual([
      "/interceptors/0/bindings/0/writes/0: an exposed field is never written",
    ]);
  });

  it("may set cookies after the response with the power to", async () => {
    const text = minimal(
      interceptor({ binding: "may: [set-cookies]\n        writes: [/response/headers/set-cookie/-]" }),
    ).replace("phase: pre-route", "phase: post-response");
    expect(await issuesIn(text)).toEqual([]);
  });

  it.each([
    ["authenticators: { keys: { type: api-key, slots: [header/x-api-key], file: keys.yaml } }", "x-api-key"],
    ["secrets: { headers: [X-Session] }", "x-session"],
  ])("are not shown a header that the file makes a secret: %s", async (more, header) => {
    const text = minimal(`${interceptor({ binding: `needs: [/request/headers/${header}]` })}${more}`);
    expect((await issuesIn(text))[0]).toMatch(/needs\/0: this field is hidden/);
  });
});
