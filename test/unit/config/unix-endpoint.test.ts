import { describe, expect, it } from "vitest";
import { configOf, interceptor, issuesOf, minimal } from "../../support/config-text.ts";

// without the place in the file
const issuesIn = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text)).map((issue) => issue.replace(/^gateway\.yaml:\d+:\d+: /, ""));

const at = (endpoint: string, keys = ""): string =>
  minimal(interceptor())
    .replace("grpcs://tenancy.internal:7443", endpoint)
    .replace(/tls: .*\n/, "\n")
    .replace("order: 1000", keys === "" ? "order: 1000" : keys);
const TLS = "tls: { ca_file: a, cert_file: b, key_file: c, server_name: tenancy.internal }";
const endpointOf = async (text: string) => (await configOf(text)).config.interceptors[0]?.endpoints[0];

describe("a unix endpoint (C39)", () => {
  it("trusts the gateway's own user unless the file says otherwise", async () => {
    const trust = { trustedUids: undefined, trustedGids: [], peerCredentials: "if-available" };
    const url = "unix:///run/sallyport/tenancy.sock";
    expect(await endpointOf(at(url))).toEqual({ kind: "unix", path: "/run/sallyport/tenancy.sock", url, tls: undefined, trust });
  });

  it("trusts whom the file names", async () => {
    expect(
      await endpointOf(at("unix:///run/t", "trusted_uids: [0, 990]\n    trusted_gids: [991]\n    peer_credentials: required")),
    ).toMatchObject({
      trust: { trustedUids: [0, 990], trustedGids: [991], peerCredentials: "required" },
    });
  });

  it("takes mutual TLS in addition, in full and with a name", async () => {
    expect(await endpointOf(at("unix:///run/t", TLS))).toMatchObject({ kind: "unix", tls: { serverName: "tenancy.internal" } });
    expect(await issuesIn(at("unix:///run/t", "tls: { ca_file: a }"))).toEqual([
      '/interceptors/0/tls/cert_file: required key "cert_file" is missing (tls is mutual; leave the whole of it out for a plain unix socket)',
      '/interceptors/0/tls/key_file: required key "key_file" is missing (tls is mutual; leave the whole of it out for a plain unix socket)',
      '/interceptors/0/tls/server_name: required key "server_name" is missing (a path is no name in a certificate)',
    ]);
  });

  it("takes TLS and trust from the defaults, which do not disturb the others", async () => {
    const defaults = `defaults: { interceptor: { ${TLS}, trusted_uids: [7] } }\n`;
    expect(await endpointOf(defaults + at("unix:///run/t"))).toMatchObject({
      tls: { serverName: "tenancy.internal" },
      trust: { trustedUids: [7] },
    });
    expect(await endpointOf(defaults + at("grpcs://t.internal:1"))).toMatchObject({ kind: "grpcs" });
  });

  it.each([
    ["unix:relative.sock", /expected an absolute path/],
    ["unix://run/t.sock", /expected an absolute path/],
    ["unix:/run/t.sock", /expected an absolute path/],
    ["unix:@abstract", /expected an absolute path/],
    ["unix:///", /without empty segments/],
    ["unix:///run//t.sock", /without empty segments/],
    ["unix:///run/../t.sock", /without empty segments, \. and \.\./],
    ["unix:///run/t.sock/", /without empty segments/],
    ["unix:///run/t%2esock", /expected an absolute path/],
    ["unix:///run/t.sock?x=1", /expected an absolute path/],
    [`unix:///run/${"t".repeat(103)}`, /expected a path of at most 107 bytes/],
  ])("is refused as %s", async (endpoint, reason) => {
    const issues = await issuesIn(at(`"${endpoint}"`));
    expect(issues).toEqual([expect.stringMatching(/^\/interceptors\/0\/endpoint: /)]);
    expect(issues[0]).toMatch(reason);
  });

  it.each([
    ["trusted_uids: []", /trusted_uids: expected at least one user id/],
    ["trusted_uids: [-1]", /trusted_uids\/0: expected a whole number from 0/],
    ["trusted_gids: [wheel]", /trusted_gids\/0: expected a whole number from 0/],
    ["peer_credentials: maybe", /peer_credentials: expected/],
  ])("is refused with %s", async (keys, reason) => {
    expect((await issuesIn(at("unix:///run/t", keys)))[0]).toMatch(reason);
  });

  it("is the only kind its keys have an effect on", async () => {
    expect(await issuesIn(at("grpcs://t.internal:1", `${TLS}\n    trusted_uids: [0]`))).toEqual([
      "/interceptors/0/trusted_uids: has no effect with grpcs:// (it is for unix://)",
    ]);
    expect(await issuesIn(at("grpc://t.internal:1", "allow_insecure: true\n    peer_credentials: required"))).toEqual([
      "/interceptors/0/peer_credentials: has no effect with grpc:// (it is for unix://)",
    ]);
  });
});
