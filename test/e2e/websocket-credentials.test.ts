import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import {
  handshake,
  lineOf,
  openWebSocket,
  startWebSocketUpstream,
  switching,
  type WebSocketPeer,
  type WebSocketUpstream,
} from "../support/websocket-peer.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { scripted, type Scripted } from "./support/scripted.ts";

const KIM = "kim-key-0123456789";
const REAL = "sk-real-provider-key";
const PREFIX = "openai-insecure-api-key.";

const files = async (): Promise<Readonly<Record<string, string>>> => ({
  ...(await gatewayFiles()),
  "keys.yaml": `- { id: k1, sha256: ${createHash("sha256").update(KIM).digest("hex")}, principal: { id: kim } }\n`,
});

describe("a credential in a subprotocol, as browsers send it (C23)", () => {
  let upstream: WebSocketUpstream;
  let service: Scripted;
  let gateway: TestGateway;
  let chosen = "";

  beforeAll(async () => {
    upstream = await startWebSocketUpstream((head) =>
      switching(head, chosen === "" ? "" : `Sec-WebSocket-Protocol: ${chosen}\r\n`),
    );
    service = await scripted([
      { id: "sees", phase: "pre-auth", mode: "validate", needs: ["/request/headers", "/request/query"] },
      { id: "after", phase: "post-response", mode: "validate", needs: ["/request/headers", "/response/headers"] },
      { id: "watches", phase: "post-response", mode: "observe", needs: ["/request/headers", "/response/headers"] },
    ]);
    gateway = await startGateway({
      files: await files(),
      env: { REAL },
      config: configuration({
        authenticators: {
          keys: { type: "api-key", slots: ["bearer", `websocket-protocol/${PREFIX}`], file: "keys.yaml" },
          other: { type: "api-key", slots: ["header/x-other"], file: "keys.yaml" },
        },
        upstreams: {
          main: { endpoints: [upstream.url] },
          openai: { endpoints: [upstream.url], credential: { preset: "openai", secret: "${REAL}" } },
          own: { endpoints: [upstream.url], credential: { slot: "header/x-service-key", secret: "${REAL}" } },
        },
        routes: [
          openRoute("realtime", { authenticate: ["keys"], upstream: "openai" }),
          openRoute("other", { authenticate: ["other"], upstream: "openai" }),
          openRoute("own", { authenticate: ["anonymous"], upstream: "own" }),
          openRoute("plain", { authenticate: ["keys"] }),
          openRoute("through"),
        ],
        interceptors: [
          interceptorAt(service.port, {
            bindings: [
              { id: "sees", phase: "pre-auth", mode: "validate" },
              { id: "after", phase: "post-response", mode: "validate" },
              { id: "watches", phase: "post-response", mode: "observe" },
            ],
          }),
        ],
      }),
    });
  });

  afterAll(async () => {
    // whatever was asked: neither key was shown to a service or written to the log
    const shown = service?.reviews.map(({ view }) => JSON.stringify(view)).join() ?? "";
    expect(shown).toContain("sec-websocket-key");
    expect(shown).not.toMatch(new RegExp(`${KIM}|${REAL}|${PREFIX}`, "i"));
    expect(JSON.stringify(gateway?.lines)).not.toMatch(new RegExp(`${KIM}|${REAL}|${PREFIX}`, "i"));
    for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
  });

  const open = (path: string, offered: string, lines: Readonly<Record<string, string>> = {}): Promise<WebSocketPeer> =>
    openWebSocket(gateway, handshake(path, { "Sec-WebSocket-Protocol": offered, ...lines }));

  it("lets its client in; the upstream gets the gateway's own and the other subprotocols, one of which the client is told", async () => {
    chosen = "realtime";
    const opened = upstream.opened();
    using client = await open("/realtime/v1", `realtime, ${PREFIX}${KIM}, openai-beta.v1`);
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    expect(lineOf(client.head, "sec-websocket-protocol")).toBe("realtime");
    const head = upstream.heads.at(-1) ?? "";
    expect(lineOf(head, "sec-websocket-protocol")).toBe("realtime, openai-beta.v1");
    expect(lineOf(head, "authorization")).toBe(`Bearer ${REAL}`);
    expect(head).not.toContain(KIM);
    client.socket.end();
    (await opened).socket.end();
    const line = await gateway.lineWhere(
      ({ event, request_id }) => event === "exchange" && request_id === lineOf(client.head, "x-request-id"),
    );
    expect(line).toMatchObject({ principal_id: "kim", status: 101 });
  });

  it("takes the header with it where it stood alone", async () => {
    chosen = "";
    using client = await open("/realtime/v1", `${PREFIX}${KIM}`);
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    expect(lineOf(client.head, "sec-websocket-protocol")).toBeUndefined();
    expect(lineOf(upstream.heads.at(-1) ?? "", "sec-websocket-protocol")).toBeUndefined();
  });

  it.each(["/realtime/v1", "/through/v1"])("is chosen by no upstream: a 101 that names it is none (%s)", async (path) => {
    chosen = `${PREFIX}${KIM}`;
    using client = await open(path, `realtime, ${PREFIX}${KIM}`);
    expect(client.head).toMatch(/^HTTP\/1\.1 502 /);
  });

  it.each([
    ["is not the one known", `realtime, ${PREFIX}wrong-key`, {}],
    ["stands twice", `${PREFIX}${KIM}, ${PREFIX}${KIM}x`, {}],
    ["is empty", `realtime, ${PREFIX}`, {}],
    ["stands in two slots", `realtime, ${PREFIX}${KIM}`, { Authorization: `Bearer ${KIM}` }],
  ])("is a 401 where it %s, and no upstream hears of it", async (_how, offered, lines) => {
    const before = upstream.heads.length;
    using client = await open("/realtime/v1", offered, lines);
    expect(client.head).toMatch(/^HTTP\/1\.1 401 /);
    expect(upstream.heads.length).toBe(before);
  });

  it("does not count in another spelling as another thing", async () => {
    chosen = "realtime";
    using client = await open("/realtime/v1", `realtime, ${PREFIX.toUpperCase()}${KIM}`);
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    expect(upstream.heads.at(-1)).not.toContain(KIM);
  });

  it.each([
    ["an upstream with a preset", "/other/v1", { "x-other": KIM }],
    ["an upstream with a credential of its own", "/own/v1", {}],
    ["the upstream of a route that reads it", "/plain/v1", {}],
  ])("goes no further to %s", async (_where, path, lines) => {
    chosen = "realtime";
    using client = await open(path, `realtime, ${PREFIX}${KIM}`, lines);
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    expect(lineOf(upstream.heads.at(-1) ?? "", "sec-websocket-protocol")).toBe("realtime");
  });

  it("passes where nobody of the route reads it and the gateway sends none: it is between client and upstream", async () => {
    chosen = "realtime";
    using client = await open("/through/v1", `realtime, ${PREFIX}${KIM}`);
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    expect(lineOf(upstream.heads.at(-1) ?? "", "sec-websocket-protocol")).toBe(`realtime, ${PREFIX}${KIM}`);
  });

  it("counts in an ordinary request as in a handshake, and nothing that cannot be read as a list passes", async () => {
    const text = (value: string) =>
      `GET /plain/x HTTP/1.1\r\nHost: gateway.test\r\nSec-WebSocket-Protocol: ${value}\r\nConnection: close\r\n\r\n`;
    chosen = "";
    using ordinary = await openWebSocket(gateway, text(`a b ${PREFIX}${KIM}`));
    expect(ordinary.head).toMatch(/^HTTP\/1\.1 400 /);
    using nobody = await openWebSocket(gateway, text("chat"));
    expect(nobody.head).toMatch(/^HTTP\/1\.1 401 /);
  });
});
