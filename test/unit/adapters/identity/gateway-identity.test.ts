import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { inspect } from "node:util";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { GatewayTokens } from "../../../../interceptors-sdk/src/gateway-tokens.ts";
import { GatewayKeys } from "../../../../interceptors-sdk/src/gateway-keys.ts";
import { gatewayIdentity, type KeySource } from "../../../../src/adapters/identity/gateway-identity.ts";
import { generateSigningKey, readSigningKeys } from "../../../../src/adapters/identity/signing-key.ts";
import type { TokenSlot } from "../../../../src/adapters/identity/token-slot.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const ISSUER = "urn:sallyport:main";
const AUDIENCE = "urn:sallyport:interceptor:tenancy";

async function fixture(keys: KeySource = { kind: "generated" }) {
  const [clock, log] = [new FakeClock(), new MemoryLog()];
  const identity = await gatewayIdentity({ issuer: ISSUER, keys, tokenLifetimeMs: 300_000 }, { clock, log });
  const fresh = async (): Promise<string> => {
    await using slot = identity.credential(AUDIENCE);
    await slot.filled();
    return textOf(slot);
  };
  return { identity, clock, log, fresh };
}

function textOf(slot: TokenSlot): string {
  const token = slot.token();
  if (!token.ok) throw new Error(token.error);
  return token.value.reveal();
}

describe("the gateway's identity", () => {
  it("shows tokens for exactly one audience, named by issuer, type and key", async () => {
    const { identity, clock, fresh } = await fixture();
    const jwt = await fresh();
    const iat = Math.floor(clock.wallMs() / 1000);
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: "EdDSA", typ: "sallyport-review+jwt", kid: identity.jwks().keys[0]?.kid });
    expect(decodeJwt(jwt)).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      iat,
      exp: iat + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(decodeJwt(await fresh()).jti).not.toBe(decodeJwt(jwt).jti);
  });

  it("publishes public halves only", async () => {
    const { identity } = await fixture();
    expect(identity.jwks().keys.map((key) => Object.keys(key).toSorted())).toEqual([["alg", "crv", "kid", "kty", "use", "x"]]);
  });

  it("shows no token in strings, logs and inspection", async () => {
    const { identity } = await fixture();
    const slot = identity.credential(AUDIENCE);
    await slot.filled();
    const token = slot.token();
    expect(`${JSON.stringify(token)} ${inspect(slot, { depth: 9, showHidden: true })}`).not.toContain(textOf(slot).slice(0, 20));
  });

  it("makes a new key every day, with overlap, and what it signs is accepted all the while", async () => {
    const { identity, clock, fresh } = await fixture();
    const read = () => Promise.resolve(JSON.stringify(identity.jwks()));
    // no older than the JWKS may be kept
    const keys = new GatewayKeys({ read, log: () => undefined, nowMs: () => clock.nowMs() });
    const tokens = new GatewayTokens({ issuer: ISSUER, audience: AUDIENCE }, { keys, wallMs: () => clock.wallMs() });
    const seen = new Set<string>();
    const slot = identity.credential(AUDIENCE);
    for (let day = 0; day < 3; day += 1) {
      clock.advance(24 * 3_600_000 - 10 * 60_000);
      await slot.filled();
      // no turn of the event loop came by for a day: the first call notices
      if (!slot.token().ok) await slot.filled();
      for (let minute = 0; minute < 20; minute += 1) {
        clock.advance(60_000);
        await slot.filled();
        for (const jwt of [await fresh(), textOf(slot)]) {
          seen.add(String(decodeProtectedHeader(jwt).kid));
          expect(await tokens.check([`Bearer ${jwt}`])).toEqual({ ok: true, value: undefined });
        }
      }
    }
    expect(seen.size).toBeGreaterThanOrEqual(3);
    expect(identity.jwks().keys.length).toBeLessThanOrEqual(2);
  });

  it("moves to other keys with overlap, and says so once", async () => {
    const [old, young] = [await generateSigningKey(), await generateSigningKey()];
    const { identity, clock, log, fresh } = await fixture({ kind: "files", keys: [old] });
    const kids = (): readonly string[] => identity.jwks().keys.map(({ kid }) => kid);
    await identity.use({ kind: "files", keys: [young] });
    await identity.use({ kind: "files", keys: [young] });
    expect(kids()).toEqual([old.kid, young.kid]);
    expect(decodeProtectedHeader(await fresh()).kid).toBe(old.kid);
    clock.advance(60_000);
    expect(decodeProtectedHeader(await fresh()).kid).toBe(young.kid);
    expect(kids()).toEqual([young.kid, old.kid]);
    clock.advance(330_000);
    expect(kids()).toEqual([young.kid]);
    expect(log.events).toEqual(["signing_keys_changed"]);
  });

  it("keeps a generated key when a reload asks for generated keys again", async () => {
    const { identity } = await fixture();
    const before = identity.jwks();
    await identity.use({ kind: "generated" });
    expect(identity.jwks()).toEqual(before);
  });
});

describe("signing keys from files", () => {
  it("are read in order, named by their thumbprint", async () => {
    await using directory = await temporaryDirectory();
    const pems = [0, 1].map(() => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }));
    const paths = [directory.file("one.key"), directory.file("two.key")];
    for (const [index, path] of paths.entries()) await writeFile(path, pems[index] ?? "");
    const keys = await readSigningKeys(paths);
    expect(keys.ok && keys.value.map(({ kid }) => kid)).toEqual([
      expect.stringMatching(/^[\w-]{43}$/),
      expect.stringMatching(/^[\w-]{43}$/),
    ]);
    expect(keys.ok && (await crypto.subtle.exportKey("pkcs8", keys.value[0]?.privateKey ?? Object(0)).catch(() => "kept"))).toBe(
      "kept",
    );
  });

  it("are refused with the file's name and nothing of what it holds", async () => {
    await using directory = await temporaryDirectory();
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
    const own = generateKeyPairSync("ed25519").privateKey;
    const locked = own.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
    const pem = own.export({ type: "pkcs8", format: "pem" });
    const files = { rsa, locked, text: "no key, but s3cret", good: pem, same: pem, large: "x".repeat(17_000) };
    for (const [name, text] of Object.entries(files)) await writeFile(directory.file(name), text);
    const names = ["rsa", "locked", "text", "good", "same", "large", "missing"];
    const read = await readSigningKeys(names.map((name) => directory.file(name)));
    expect(read.ok ? [] : read.error.map((problem) => problem.replace(`${directory.path}/`, ""))).toEqual([
      "rsa holds no Ed25519 key",
      "locked holds an encrypted private key; an unencrypted one is needed",
      "text holds no private key in PEM form",
      "same holds the same key as a file before it",
      "large has 17000 bytes, more than 16384",
      "missing cannot be read: ENOENT",
    ]);
  });
});
