import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type * as AnthropicModule from "@anthropic-ai/sdk";
import type * as GoogleModule from "@google/genai";
import type * as OpenAiModule from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startProvider, type FakeProvider, type ProviderRequest } from "./fake-provider.ts";

const KIM = "kim-key-0123456789";
const REAL = "sk-real-provider-key";

const isInstalled = existsSync(fileURLToPath(new URL("node_modules/openai/package.json", import.meta.url)));

const config = (provider: string): string => `authenticators:
  keys: { type: api-key, slots: [bearer, header/x-api-key, header/x-goog-api-key, query/key], file: keys.yaml }
upstreams:
  openai: { endpoints: ["${provider}"], credential: { preset: openai, secret: "\${REAL}" } }
  anthropic: { endpoints: ["${provider}"], credential: { preset: anthropic, secret: "\${REAL}" } }
  gemini: { endpoints: ["${provider}"], credential: { preset: gemini, secret: "\${REAL}" } }
defaults: { route: { authenticate: [keys], error_format: openai } }
routes:
  - { name: chat, match: { path: /v1/chat/**, methods: [POST] }, upstream: openai }
  - { name: models, match: { path: /v1/models/**, methods: [GET] }, upstream: openai }
  - { name: messages, match: { path: /v1/messages/**, methods: [POST] }, upstream: anthropic }
  - { name: generate, match: { path: /v1/models/*, methods: [POST] }, upstream: gemini }
  - { name: generate-beta, match: { path: /v1beta/models/*, methods: [POST] }, upstream: gemini }
`;

const title = "the official SDK of";
const skipped = " (SKIPPED: `npm ci --ignore-scripts` in test/compat installs it)";
const named = (name: string): string => `${title} ${name}${isInstalled ? "" : skipped}`;

let provider: FakeProvider;
let gateway: TestGateway;

beforeAll(async () => {
  provider = await startProvider();
  const sha256 = createHash("sha256").update(KIM).digest("hex");
  gateway = await startGateway({
    config: config(provider.url),
    env: { REAL },
    files: { "keys.yaml": `- { id: k1, sha256: ${sha256}, principal: { id: kim } }\n` },
  });
});

afterAll(async () => {
  // whatever was asked, the client's key reached nobody, and neither key a line of the log
  expect(JSON.stringify(provider?.seen)).not.toContain(KIM);
  expect(JSON.stringify(gateway?.lines)).not.toMatch(new RegExp(`${KIM}|${REAL}`));
  await gateway?.[Symbol.asyncDispose]();
  await provider?.[Symbol.asyncDispose]();
});

/** The credentials the provider saw last, by slot. */
function credentialsSeen(): Readonly<Record<string, unknown>> {
  const { headers, url } = provider.seen.at(-1) as ProviderRequest; // asked for after a call
  const names = ["authorization", "x-api-key", "x-goog-api-key", "api-key"].filter((name) => headers[name] !== undefined);
  const query = new URL(url, "http://x").searchParams.get("key");
  return { ...Object.fromEntries(names.map((name) => [name, headers[name]])), ...(query === null ? {} : { query }) };
}

const user = (content: string): { role: "user"; content: string } => ({ role: "user", content });

describe.skipIf(!isInstalled)(named("OpenAI"), async () => {
  const { default: OpenAI, AuthenticationError, InternalServerError, RateLimitError } = await sdk("openai");
  const client = (apiKey = KIM) => new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 2 });

  it("gets a completion, and the provider one credential", async () => {
    const answer = await client().chat.completions.create({ model: "m", messages: [user("hi")] });
    expect(answer.choices[0]?.message.content).toBe("hello");
    expect(credentialsSeen()).toEqual({ authorization: `Bearer ${REAL}` });
  });

  it("reads a stream to its end", async () => {
    const stream = await client().chat.completions.create({ model: "m", messages: [user("hi")], stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toBe("hello");
  });

  it("lists models: a GET of that path is its own, a POST is another provider's", async () => {
    const page = await client().models.list();
    expect(page.data.map(({ id }) => id)).toEqual(["m"]);
    expect(credentialsSeen()).toEqual({ authorization: `Bearer ${REAL}` });
  });

  it("meets its own classes of errors: the gateway's, and the provider's", async () => {
    const wrong = await client("wrong").models.list().catch(thrown);
    expect(wrong).toBeInstanceOf(AuthenticationError);
    expect(wrong).toMatchObject({ status: 401, code: "credential_invalid", type: "invalid_request_error" });
    const limited = await client()
      .withOptions({ maxRetries: 0 })
      .chat.completions.create({ model: "m", messages: [user("fail 429")] })
      .catch(thrown);
    expect(limited).toBeInstanceOf(RateLimitError);
    expect(limited).toMatchObject({ code: "provider_code", type: "provider_error" });
  });

  it("does not repeat what may have taken effect, and reads nothing of the provider's inside", async () => {
    const before = provider.seen.length;
    const failed = await client()
      .chat.completions.create({ model: "m", messages: [user("fail 500")] })
      .catch(thrown);
    expect(failed).toBeInstanceOf(InternalServerError);
    expect(failed).toMatchObject({ status: 500, code: "upstream_error", type: "server_error" });
    expect(String(failed)).not.toMatch(/inner|db\.internal/);
    expect(provider.seen.length - before).toBe(1);
  });

  it("leaves a stream, and the provider hears of it", async () => {
    const stream = await client().chat.completions.create({ model: "m", messages: [user("endless")], stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices).toHaveLength(1);
      break;
    }
    await provider.left;
  });
});

describe.skipIf(!isInstalled)(named("Anthropic"), async () => {
  const { default: Anthropic, AuthenticationError, InternalServerError } = await sdk("@anthropic-ai/sdk");
  type Options = NonNullable<ConstructorParameters<typeof Anthropic>[0]>;
  const client = (options: Options = { apiKey: KIM }) => new Anthropic({ baseURL: gateway.url, maxRetries: 2, ...options });
  const request = (content: string) => ({ model: "m", max_tokens: 16, messages: [user(content)] });

  it.each<[string, Options]>([
    ["its key", { apiKey: KIM }],
    ["a token", { authToken: KIM, apiKey: null }],
    ["the header of its older versions", { apiKey: null, defaultHeaders: { "x-api-key": KIM } }],
  ])("gets a message with %s, and the provider one credential, in its own header", async (_how, options) => {
    const message = await client(options).messages.create(request("hi"));
    expect(message.content).toEqual([{ type: "text", text: "hello" }]);
    expect(credentialsSeen()).toEqual({ "x-api-key": REAL });
    expect(provider.seen.at(-1)?.headers["anthropic-version"]).toMatch(/^20\d\d-/);
  });

  it("reads a stream to its end", async () => {
    const message = await client().messages.stream(request("hi")).finalMessage();
    expect(message.content).toMatchObject([{ type: "text", text: "hello" }]);
    expect(message.stop_reason).toBe("end_turn");
  });

  it("meets its own classes of errors, and does not repeat what may have taken effect", async () => {
    expect(await client({ apiKey: "wrong" }).messages.create(request("hi")).catch(thrown)).toBeInstanceOf(AuthenticationError);
    const before = provider.seen.length;
    const failed = await client().messages.create(request("fail 500")).catch(thrown);
    expect(failed).toBeInstanceOf(InternalServerError);
    expect(String(failed)).not.toMatch(/inner|db\.internal/);
    expect(provider.seen.length - before).toBe(1);
  });
});

describe.skipIf(!isInstalled)(named("Gemini"), async () => {
  const { GoogleGenAI, ApiError } = await sdk("@google/genai");
  const client = (apiKey = KIM, apiVersion = "v1") =>
    new GoogleGenAI({ apiKey, httpOptions: { baseUrl: gateway.url, apiVersion, retryOptions: { attempts: 1 } } });

  it.each(["v1", "v1beta"])("gets content at /%s, and the provider one credential, in its own header", async (version) => {
    const content = await client(KIM, version).models.generateContent({ model: "m", contents: "hi" });
    expect(content.text).toBe("hello");
    expect(credentialsSeen()).toEqual({ "x-goog-api-key": REAL });
  });

  it("reads a stream to its end", async () => {
    const stream = await client().models.generateContentStream({ model: "m", contents: "hi" });
    let text = "";
    for await (const part of stream) text += part.text ?? "";
    expect(text).toBe("hello");
  });

  it("meets its own class of errors", async () => {
    const wrong = await client("wrong").models.generateContent({ model: "m", contents: "hi" }).catch(thrown);
    expect(wrong).toBeInstanceOf(ApiError);
    expect(wrong).toMatchObject({ status: 401 });
  });

  it("may show its key in the query, which goes no further", async () => {
    const answer = await fetch(`${gateway.url}/v1/models/m:generateContent?alt=json&key=${KIM}`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(200);
    expect(provider.seen.at(-1)?.url).toBe("/v1/models/m:generateContent?alt=json");
    expect(credentialsSeen()).toEqual({ "x-goog-api-key": REAL });
  });
});

const thrown = (error: unknown): unknown => error;

interface Sdks {
  readonly openai: typeof OpenAiModule;
  readonly "@anthropic-ai/sdk": typeof AnthropicModule;
  readonly "@google/genai": typeof GoogleModule;
}

/** An SDK where it is installed; elsewhere what nobody touches, since the tests are skipped. */
async function sdk<Name extends keyof Sdks>(name: Name): Promise<Sdks[Name]> {
  // the import gives what the name stands for in the table
  return (isInstalled ? await import(name) : {}) as Sdks[Name];
}
