import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCertificates } from "../support/certificates.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startWebSocketProvider, type WebSocketProvider } from "./websocket-provider.ts";

const KIM = "kim-key-0123456789";
/** As the Gemini API gives them to browsers for one session. */
const TOKEN = "auth_tokens/kim-0123456789abcdef";
const REAL = "sk-real-provider-key";

const isInstalled = ["openai", "@google/genai", "ws"].every((name) =>
  existsSync(fileURLToPath(new URL(`node_modules/${name}/package.json`, import.meta.url))),
);
const skipped = isInstalled ? "" : " (SKIPPED: `npm ci --ignore-scripts` in test/compat installs it)";

const config = (provider: string): string => `version: 1
listeners: [{ name: public, address: "127.0.0.1:0", tls: { certs: [{ cert_file: server.pem, key_file: server.key }] } }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
authenticators:
  keys: { type: api-key, slots: [bearer, header/x-goog-api-key, query/key, query/access_token, websocket-protocol/openai-insecure-api-key.], file: keys.yaml }
upstreams:
  openai: { endpoints: ["${provider}"], credential: { preset: openai, secret: "\${REAL}" } }
  gemini: { endpoints: ["${provider}"], credential: { preset: gemini, secret: "\${REAL}" } }
defaults: { route: { authenticate: [keys], error_format: openai } }
routes:
  - { name: realtime, match: { path: /v1/realtime }, upstream: openai }
  - { name: live, match: { path: /ws/** }, upstream: gemini }
`;

let provider: WebSocketProvider;
let gateway: TestGateway;
/** These SDKs insist on TLS. */
let url = "";

beforeAll(async () => {
  if (!isInstalled) return;
  provider = await startWebSocketProvider();
  const { ca, server } = await testCertificates();
  const { cert, key } = await server();
  // Node's own WebSocket cannot be told whom to trust otherwise
  setDefaultCACertificates([...getCACertificates("default"), ca]);
  const records = [KIM, TOKEN].map(
    (text, i) => `- { id: k${i}, sha256: ${createHash("sha256").update(text).digest("hex")}, principal: { id: kim } }\n`,
  );
  gateway = await startGateway({
    config: config(provider.url),
    env: { REAL },
    files: { "keys.yaml": records.join(""), "server.pem": cert, "server.key": key },
  });
  url = gateway.url.replace("127.0.0.1", "localhost");
});

afterAll(async () => {
  if (!isInstalled) return;
  // whatever was opened, the client's key reached nobody, and neither key a line of the log
  expect(provider.sessions.length).toBeGreaterThan(3);
  expect(JSON.stringify(provider.sessions)).not.toMatch(new RegExp(`${KIM}|${TOKEN}`));
  expect(JSON.stringify(gateway.lines)).not.toMatch(new RegExp(`${KIM}|${TOKEN}|${REAL}`));
  await gateway[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

/** The credentials the provider saw last, by slot. */
function credentialsSeen(): Readonly<Record<string, unknown>> {
  const { headers, url } = provider.sessions.at(-1) ?? { headers: {}, url: "" };
  const names = ["authorization", "x-api-key", "x-goog-api-key", "api-key"].filter((name) => headers[name] !== undefined);
  const query = new URL(url, "http://x").searchParams;
  const parameters = ["key", "access_token"].filter((name) => query.has(name));
  return Object.fromEntries([
    ...names.map((name) => [name, headers[name]]),
    ...parameters.map((name) => [name, query.get(name)]),
  ]);
}

/** What two SDKs' sessions have in common, as far as it is used here. */
interface Session {
  readonly socket: { addEventListener(type: "open", listener: () => void): void };
  on(type: "error", listener: (error: Error) => void): unknown;
  on(type: "response.output_text.delta", listener: (event: { readonly delta: string }) => void): unknown;
  on(type: "response.done", listener: () => void): unknown;
  send(event: { readonly type: "response.create" }): void;
  close(): void;
}

/** The text of one answer. */
const ask = (session: Session): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    session.on("error", reject);
    session.on("response.output_text.delta", ({ delta }) => (text += delta));
    session.on("response.done", () => {
      session.close();
      resolve(text);
    });
    session.socket.addEventListener("open", () => session.send({ type: "response.create" }));
  });

describe.skipIf(!isInstalled)(`the realtime WebSockets of the OpenAI SDK${skipped}`, () => {
  type Makes = (apiKey: string) => Promise<Session>;
  const openAi = async (apiKey: string) => {
    const { default: OpenAI } = await import("openai");
    return new OpenAI({ apiKey, baseURL: `${url}/v1`, dangerouslyAllowBrowser: true });
  };
  // each session is one of these, whose own types are wider
  const sessions: readonly (readonly [string, Makes])[] = [
    ["over `ws`", async (key) => new (await import("openai/realtime/ws")).OpenAIRealtimeWS({ model: "m" }, await openAi(key))],
    [
      "over `ws`, beta",
      async (key) => new (await import("openai/beta/realtime/ws")).OpenAIRealtimeWS({ model: "m" }, await openAi(key)),
    ],
    [
      "as in a browser, with the key in a subprotocol",
      async (key) =>
        new (await import("openai/realtime/websocket")).OpenAIRealtimeWebSocket(
          { model: "m", dangerouslyAllowBrowser: true },
          await openAi(key),
        ),
    ],
    [
      "as in a browser, beta",
      async (key) =>
        new (await import("openai/beta/realtime/websocket")).OpenAIRealtimeWebSocket(
          { model: "m", dangerouslyAllowBrowser: true },
          await openAi(key),
        ),
    ],
  ];

  it.each(sessions)("%s: the provider gets one credential", async (_how, session) => {
    expect(await ask(await session(KIM))).toBe("hello");
    expect(credentialsSeen()).toEqual({ authorization: `Bearer ${REAL}` });
    expect(provider.sessions.at(-1)?.headers["sec-websocket-protocol"] ?? "").not.toContain("key");
  });

  it.each(sessions)("%s: a wrong key opens nothing", async (_how, session) => {
    const before = provider.sessions.length;
    await expect(session("wrong").then(ask)).rejects.toThrow();
    expect(provider.sessions.length).toBe(before);
  });
});

describe.skipIf(!isInstalled)(`the live WebSockets of the Google Gen AI SDK${skipped}`, () => {
  const answers = async (apiKey: string): Promise<string> => {
    const { GoogleGenAI, Modality } = await import("@google/genai");
    const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url, apiVersion: "v1alpha" } });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    // what is refused is told by `connect` or by the session, whichever is first
    promise.catch(() => {});
    const session = await ai.live.connect({
      model: "m",
      config: { responseModalities: [Modality.TEXT] },
      callbacks: {
        onmessage: (message) => {
          if (message.serverContent?.turnComplete === true) resolve(message.text ?? "");
        },
        onerror: (event) => reject(new Error(event.message)),
        onclose: () => reject(new Error("closed")),
      },
    });
    session.sendClientContent({ turns: "hi" });
    const text = await promise;
    session.close();
    return text;
  };

  it.each([
    ["a key", KIM],
    ["a token for one session", TOKEN],
  ])("with %s: the provider gets one credential", async (_how, credential) => {
    expect(await answers(credential)).toBe("hello");
    expect(credentialsSeen()).toEqual({ "x-goog-api-key": REAL });
  });

  it("opens nothing with a wrong key", async () => {
    const before = provider.sessions.length;
    await expect(answers("wrong")).rejects.toThrow();
    expect(provider.sessions.length).toBe(before);
  });
});
