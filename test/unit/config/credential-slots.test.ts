import { describe, expect, it } from "vitest";
import { interceptor, issuesOf, minimal } from "../../support/config-text.ts";

const issuesIn = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text, { files: { "keys.yaml": "[]", "ops.token": "some-token" } })).map((issue) =>
    issue.replace(/^gateway\.yaml:\d+:\d+: /, ""),
  );

describe("credential slots", () => {
  const upstream = (credential: string): string => minimal().replace('9000"] }', `9000"], credential: ${credential} }`);

  it.each(["bearer", "header/x-api-key", "query/key"])("of upstreams may be %s", async (slot) => {
    expect(await issuesIn(upstream(`{ slot: ${slot}, secret: abc }`))).toEqual([]);
  });

  it.each([
    ["cookie/x", "expected bearer, header/<name> or query/<name>, found an unfit text"],
    ["header/authorization", "expected bearer instead of header/authorization, found an unfit text"],
    ["header/host", "expected a header that has no meaning of its own, found an unfit text"],
    ["websocket-protocol/key.", "expected bearer, header/<name> or query/<name>, found an unfit text"],
    [
      "header/Sec-WebSocket-Protocol",
      "expected websocket-protocol/<prefix> instead of header/sec-websocket-protocol, found an unfit text",
    ],
  ])("of upstreams may not be %s", async (slot, message) => {
    expect(await issuesIn(upstream(`{ slot: ${slot}, secret: abc }`))).toEqual([`/upstreams/orders/credential/slot: ${message}`]);
  });

  it.each(["websocket-protocol/", "websocket-protocol/a b", "websocket-protocol/a,b", "cookie/x"])(
    "of authenticators may not be %s",
    async (slot) => {
      const more = `authenticators: { ops: { type: static-token, slots: ["${slot}"], token_file: ops.token, principal: { id: ops } } }`;
      expect((await issuesIn(minimal(more)))[0]).toMatch(/^\/authenticators\/ops\/slots\/0: expected /);
    },
  );

  it.each(["bearer", "header/x-api-key", "query/key", "websocket-protocol/api-key."])(
    "of authenticators may be %s",
    async (slot) => {
      const more = `authenticators: { ops: { type: static-token, slots: [${slot}], token_file: ops.token, principal: { id: ops } } }`;
      expect(await issuesIn(minimal(more))).toEqual([]);
    },
  );

  it.each(["openai", "anthropic", "gemini"])("of upstreams may be what %s reads", async (preset) => {
    expect(await issuesIn(upstream(`{ preset: ${preset}, secret: abc }`))).toEqual([]);
  });

  it("of upstreams are one slot or one preset", async () => {
    expect(await issuesIn(upstream("{ secret: abc }"))).toEqual([
      "/upstreams/orders/credential/slot: expected slot or preset, found neither",
    ]);
    expect(await issuesIn(upstream("{ slot: bearer, preset: openai, secret: abc }"))).toEqual([
      "/upstreams/orders/credential/preset: expected slot or preset, found both",
    ]);
    expect((await issuesIn(upstream("{ preset: nobody, secret: abc }")))[0]).toMatch(
      /^\/upstreams\/orders\/credential\/preset: /,
    );
  });

  it("of a preset are all hidden, the query's too", async () => {
    const binding = interceptor({ binding: "needs: [/request/query/key]" });
    const text = upstream("{ preset: gemini, secret: abc }") + binding;
    expect((await issuesIn(text))[0]).toMatch(/needs\/0: this field is hidden/);
  });

  it("get their secret from exactly one place", async () => {
    expect(await issuesIn(upstream("{ slot: bearer }"))).toEqual([
      "/upstreams/orders/credential/secret_file: expected secret or secret_file, found neither",
    ]);
    expect(await issuesIn(upstream("{ slot: bearer, secret: a, secret_file: ops.token }"))).toEqual([
      "/upstreams/orders/credential/secret: expected secret or secret_file, found both",
    ]);
  });
});
