import { describe, expect, it } from "vitest";
import { configOf, interceptor, issuesOf, minimal } from "../../support/config-text.ts";

const IDENTITY = "/gateway_identity";

/** What stands behind the position of every issue. */
const messages = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text)).map((issue) => issue.replace(/^gateway\.yaml:\d+:\d+: /, ""));

describe("gateway_identity", () => {
  it("is called sallyport, makes its own keys and shows tokens for five minutes unless told otherwise", async () => {
    expect((await configOf(minimal())).config.gatewayIdentity).toEqual({
      id: "sallyport",
      signingKeyFiles: [],
      tokenLifetimeMs: 300_000,
    });
    const told = minimal(`gateway_identity: { id: edge-1, signing_key_files: [new.key, keys/old.key], token_lifetime: 15m }`);
    expect((await configOf(told)).config.gatewayIdentity).toEqual({
      id: "edge-1",
      signingKeyFiles: ["new.key", "keys/old.key"],
      tokenLifetimeMs: 900_000,
    });
  });

  it.each([
    ["{ id: 'a b' }", `${IDENTITY}/id: expected a name of letters`],
    ["{ id: 'urn:sallyport:x' }", `${IDENTITY}/id: expected a name of letters`],
    ["{ token_lifetime: 16m }", `${IDENTITY}/token_lifetime: expected a duration between 10s and 15m, found "16m"`],
    ["{ token_lifetime: 9s }", `${IDENTITY}/token_lifetime: expected a duration between 10s and 15m, found "9s"`],
    ["{ signing_key_files: [a, b, c, d, e, f, g, h, i] }", `${IDENTITY}/signing_key_files: expected at most 8 files`],
    ["{ key_files: [a] }", `${IDENTITY}/key_files: unknown key "key_files"`],
  ])("is refused: %s", async (value, message) => {
    const found = await messages(minimal(`gateway_identity: ${value}`));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });
});

describe("audience", () => {
  it("is the interceptor's name in a URN unless told otherwise", async () => {
    const audiences = async (own?: string) =>
      (await configOf(minimal(interceptor(own === undefined ? {} : { own })))).config.interceptors.map(
        ({ audience }) => audience,
      );
    expect(await audiences()).toEqual(["urn:sallyport:interceptor:tenancy"]);
    expect(await audiences("audience: https://tenancy.example")).toEqual(["https://tenancy.example"]);
  });

  it.each(["''", "'a b'", `'${"x".repeat(256)}'`, "'é'"])("is refused where it is no visible ASCII text: %s", async (text) => {
    expect((await messages(minimal(interceptor({ own: `audience: ${text}` }))))[0]).toMatch(
      /^\/interceptors\/0\/audience: expected an audience/,
    );
  });

  const two = (first: string, second: string): string =>
    minimal(`interceptors:
  - { name: a, endpoint: "grpc://127.0.0.1:1", allow_insecure: true${first} }
  - { name: b, endpoint: "grpc://127.0.0.1:2", allow_insecure: true${second} }
`);

  it.each([
    ["two written ones", ", audience: same", ", audience: same", "/interceptors/1/audience"],
    ["a written and a built-in one", ", audience: urn:sallyport:interceptor:b", "", "/interceptors/1/name"],
    ["a built-in and a written one", "", ", audience: urn:sallyport:interceptor:a", "/interceptors/1/audience"],
  ])("is taken once: %s", async (_what, first, second, pointer) => {
    expect(await messages(two(first, second))).toEqual([
      `${pointer}: another interceptor has this audience (a token for one would be good for both)`,
    ]);
  });

  it("is no default for all interceptors", async () => {
    expect(await messages(minimal("defaults: { interceptor: { audience: x } }"))).toEqual([
      '/defaults/interceptor/audience: unknown key "audience"',
    ]);
  });
});

describe("listeners[].serves", () => {
  it("takes jwks and nothing else", async () => {
    const served = minimal().replace("address: 127.0.0.1:8080", "address: 127.0.0.1:8080, serves: [jwks]");
    expect((await configOf(served)).config.listeners[0]?.serves).toEqual(["jwks"]);
    expect(await messages(served.replace("[jwks]", "[admin]"))).toEqual(['/listeners/0/serves/0: expected jwks, found "admin"']);
  });
});
