import { describe, expect, it } from "vitest";
import { answeringJwks } from "../../../src/app/answer-jwks.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import type { Received } from "../../../src/model/received.ts";
import type { Handle } from "../../../src/ports/inbound.ts";

const KEYS = { jwks: () => ({ keys: [] }) };
const ordinary: Handle = () =>
  Promise.resolve({ response: { status: 404, headers: HeaderLines.EMPTY, body: undefined }, onSent: () => {} });

const received = (parts: Partial<Received> = {}): Received => ({
  method: "GET",
  requestTarget: "/.well-known/jwks.json",
  headers: HeaderLines.EMPTY,
  body: undefined,
  scheme: "https",
  listener: "keys",
  peerAddress: "127.0.0.1",
  tlsSubject: "",
  ...parts,
});

const answer = async (parts?: Partial<Received>, listeners: readonly string[] = ["keys"]) =>
  (await answeringJwks(ordinary, new Set(listeners), KEYS)(received(parts), new CancelSource())).response;

describe("a listener that serves the JWKS", () => {
  it.each(["GET", "HEAD"])("answers %s with the keys, to be kept for a while", async (method) => {
    const { status, headers, body } = await answer({ method });
    expect([status, headers.first("content-type"), headers.first("cache-control")]).toEqual([
      200,
      "application/json",
      "public, max-age=30",
    ]);
    expect(body instanceof Uint8Array && new TextDecoder().decode(body)).toBe('{"keys":[]}');
  });

  it.each<[string, Partial<Received>]>([
    ["another method", { method: "POST" }],
    ["another path", { requestTarget: "/.well-known/jwks" }],
    ["a spelling that would normalise to it", { requestTarget: "/.well-known/%6awks.json" }],
    ["a query", { requestTarget: "/.well-known/jwks.json?x=1" }],
    ["another listener", { listener: "public" }],
  ])("leaves %s to ordinary traffic", async (_what, parts) => {
    expect((await answer(parts)).status).toBe(404);
  });

  it("is looked up for each request, because a reload may change which does", async () => {
    const listeners = new Set<string>();
    const handle = answeringJwks(ordinary, listeners, KEYS);
    const status = async (): Promise<number> => (await handle(received(), new CancelSource())).response.status;
    expect(await status()).toBe(404);
    listeners.add("keys");
    expect(await status()).toBe(200);
  });
});
