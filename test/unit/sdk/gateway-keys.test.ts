import { describe, expect, it } from "vitest";
import { GatewayKeys } from "../../../interceptors-sdk/src/gateway-keys.ts";
import type { LogEntry } from "../../../interceptors-sdk/src/log.ts";
import { jwksText, testKey } from "../../support/gateway-tokens.ts";

const key = await testKey();
const other = await testKey();

/** Keys read from `state.answer`, at a time that a test moves. */
function fixture(answer: () => string | Promise<string>) {
  const state = { answer, nowMs: 10_000, reads: 0 };
  const logged: LogEntry[] = [];
  const read = async () => {
    state.reads += 1;
    return state.answer();
  };
  const keys = new GatewayKeys({ read, log: (entry) => void logged.push(entry), nowMs: () => state.nowMs });
  return { keys, state, logged };
}

describe("the gateway's public keys", () => {
  it("are read once for all who wait, and kept", async () => {
    const { keys, state } = fixture(() => jwksText(key));
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find(key.kid)));
    expect(found.every((each) => each instanceof CryptoKey)).toBe(true);
    expect(keys.has(key.kid)).toBe(true);
    expect(state.reads).toBe(1);
  });

  it("are read again for an unknown kid, at most once a second", async () => {
    const { keys, state } = fixture(() => jwksText(key));
    await keys.find(key.kid);
    for (let index = 0; index < 50; index += 1) expect(await keys.find(`unknown-${index}`)).toBe("unknown");
    expect(state.reads).toBe(1);
    state.nowMs += 1_000;
    state.answer = () => jwksText(key, other);
    expect(await keys.find(other.kid)).toBeInstanceOf(CryptoKey);
    expect(state.reads).toBe(2);
  });

  it("are read again while they are used, once a minute", async () => {
    const { keys, state } = fixture(() => jwksText(key));
    await keys.find(key.kid);
    state.nowMs += 60_001;
    expect(keys.has(key.kid)).toBe(true);
    expect(state.reads).toBe(2);
  });

  it("are used for a quarter of an hour when they cannot be read, and then no more", async () => {
    const { keys, state, logged } = fixture(() => jwksText(key));
    await keys.find(key.kid);
    state.answer = () => Promise.reject(new Error("connection refused"));
    state.nowMs += 15 * 60_000;
    expect(await keys.find(key.kid)).toBeInstanceOf(CryptoKey);
    await expect.poll(() => keys.failures).toBe(1);
    state.nowMs += 1_001;
    expect(await keys.find(key.kid)).toBe("unavailable");
    expect(keys.failures).toBe(2);
    expect(logged.map(({ message }) => message)).toEqual(["gateway keys not read", "gateway keys not read"]);
  });

  it("do not hammer a place that fails", async () => {
    const { keys, state } = fixture(() => Promise.reject(new Error("connection refused")));
    for (let index = 0; index < 50; index += 1) expect(await keys.find(key.kid)).toBe("unavailable");
    expect(state.reads).toBe(1);
    state.nowMs += 1_000;
    state.answer = () => jwksText(key);
    expect(await keys.find(key.kid)).toBeInstanceOf(CryptoKey);
  });

  it("keep the last good set when the next one is broken", async () => {
    const { keys, state } = fixture(() => jwksText(key));
    await keys.find(key.kid);
    state.answer = () => jwksText();
    state.nowMs += 61_000;
    await keys.find("another");
    expect(keys.has(key.kid)).toBe(true);
  });

  it("never take a private half", async () => {
    const { keys } = fixture(() => JSON.stringify({ keys: [{ ...key.jwk, d: key.jwk.x }] }));
    expect(await keys.find(key.kid)).toMatchObject({ type: "public" });
  });

  it.each([
    ["no JSON", "<html>"],
    ["no object", "[]"],
    ["no list of keys", '{"keys":{}}'],
    ["no key at all", '{"keys":[]}'],
    ["no key for us", JSON.stringify({ keys: [{ kty: "oct", k: "AAAA", kid: key.kid }] })],
    ["a key without a kid", JSON.stringify({ keys: [{ ...key.jwk, kid: undefined }] })],
    ["a key of the wrong length", JSON.stringify({ keys: [{ ...key.jwk, x: "AAAA" }] })],
    ["two keys of one kid", JSON.stringify({ keys: [key.jwk, { ...other.jwk, kid: key.kid }] })],
    ["too many keys", JSON.stringify({ keys: Array.from({ length: 33 }, (_, index) => ({ ...key.jwk, kid: `k${index}` })) })],
  ])("are refused: a set with %s", async (_what, text) => {
    const { keys } = fixture(() => text);
    expect(await keys.find(key.kid)).toBe("unavailable");
    expect(keys.failures).toBe(1);
  });
});
