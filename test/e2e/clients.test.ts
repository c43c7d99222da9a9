import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import OpenAI, { AuthenticationError } from "openai";
import { describe, expect, it } from "vitest";
import { testCertificates } from "../support/certificates.ts";
import { oneRoute } from "../support/one-route.ts";
import { programPath, runProgram, type ProgramRun } from "../support/run-program.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream, type Answering } from "../support/start-upstream.ts";

const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

const curl = programPath("curl");

describe.skipIf(curl === undefined)(
  curl === undefined ? "curl as a client (SKIPPED: no curl on this machine)" : "curl as a client",
  () => {
    const run = (gateway: TestGateway, ...argv: string[]): Promise<ProgramRun> =>
      runProgram(curl ?? "", ["-sS", "--max-time", "15", ...argv], { cwd: gateway.directory });

    it("gets an answer with its head, and a problem it can read", async () => {
      await using upstream = await startUpstream();
      await using gateway = await startGateway({ config: oneRoute(upstream.url) });
      const { code, stdout } = await run(gateway, "-i", "-H", "X-Request-Id: curl-1", `${gateway.url}/hello?x=1`);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(stdout).toMatch(/\r\nx-request-id: curl-1\r\n/i);
      expect(stdout).toMatch(/\r\n\r\n\{"ok":true\}$/);
      const failing = await run(gateway, "--fail-with-body", `${gateway.url}/a%00`);
      expect(failing.code).toBe(22);
      expect(JSON.parse(failing.stdout)).toMatchObject({ status: 400, code: "bad_request" });
    });

    it("sends a large file after 100 Continue, with its length and chunked, and gets every byte back", async () => {
      await using upstream = await startUpstream((_request, response, body) => void response.end(body));
      await using gateway = await startGateway({ config: oneRoute(upstream.url) });
      const file = randomBytes(2 * 1024 * 1024);
      await writeFile(join(gateway.directory, "file"), file);
      for (const framing of [[], ["-H", "Transfer-Encoding: chunked"]]) {
        const { code, stdout } = await run(
          gateway,
          "-v",
          "-T",
          "file",
          ...framing,
          "-H",
          "Expect: 100-continue",
          "-o",
          "back",
          "-w",
          "%{http_code} %{size_download}",
          `${gateway.url}/file`,
        );
        expect([code, stdout]).toEqual([0, `200 ${file.length}`]);
        expect(sha256(upstream.seen.at(-1)?.body ?? "")).toBe(sha256(file));
      }
      const { stderr } = await run(
        gateway,
        "-v",
        "-T",
        "file",
        "-H",
        "Expect: 100-continue",
        "-o",
        "/dev/null",
        `${gateway.url}/file`,
      );
      expect(stderr).toContain("HTTP/1.1 100 Continue");
    });

    it("is refused before it sends a body that is too large", async () => {
      await using upstream = await startUpstream();
      await using gateway = await startGateway({ config: oneRoute(upstream.url) });
      await writeFile(join(gateway.directory, "file"), randomBytes(11 * 1024 * 1024));
      const { stdout } = await run(
        gateway,
        "-T",
        "file",
        "-H",
        "Expect: 100-continue",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{size_upload}",
        `${gateway.url}/file`,
      );
      expect(stdout).toBe("413 0");
      expect(upstream.seen).toEqual([]);
    });

    it("shows server-sent events as they come, and its leaving reaches the upstream", async () => {
      const gone = Promise.withResolvers<void>();
      await using upstream = await startStreamingUpstream((_request, response) => {
        response.once("close", () => gone.resolve());
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write("data: one\n\n");
      });
      await using gateway = await startGateway({ config: oneRoute(upstream.url) });
      // the stream has no end: curl leaves after a second, with what it has
      const { code, stdout } = await runProgram(curl ?? "", ["-sN", "--max-time", "1", `${gateway.url}/events`]);
      expect([code, stdout]).toEqual([28, "data: one\n\n"]);
      await gone.promise;
    });

    it("trusts a TLS listener by its authority, and by nothing else", async () => {
      await using upstream = await startUpstream();
      const certificates = await testCertificates();
      const { cert, key } = await certificates.server();
      await using gateway = await startGateway({
        config: `version: 1
listeners: [{ name: secure, address: "127.0.0.1:0", tls: { certs: [{ cert_file: server.pem, key_file: server.key }] } }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
${oneRoute(upstream.url)}`,
        files: { "server.pem": cert, "server.key": key, "ca.pem": certificates.ca },
      });
      const trusting = await run(
        gateway,
        "--cacert",
        "ca.pem",
        "-w",
        " %{http_version} %{ssl_verify_result}",
        `${gateway.url}/x`,
      );
      expect([trusting.code, trusting.stdout]).toEqual([0, '{"ok":true} 1.1 0']);
      const stranger = await run(gateway, `${gateway.url}/x`);
      expect([stranger.code, stranger.stdout]).toEqual([60, ""]);
      expect(upstream.seen).toHaveLength(1);
    });
  },
);

describe("fetch (undici) as a client", () => {
  it("sends and receives streams, and its abort reaches the upstream", async () => {
    const gone = Promise.withResolvers<void>();
    await using upstream = await startStreamingUpstream((request, response) => {
      if (request.url === "/endless") {
        response.once("close", () => gone.resolve());
        return void response.write("first");
      }
      response.writeHead(200, { "content-type": request.headers["content-type"] });
      request.pipe(response);
    });
    await using gateway = await startGateway({ config: oneRoute(upstream.url) });
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const part of ["one ", "two ", "three"]) controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    // fetch demands to be told that the request does not wait for its end
    const answer = await fetch(`${gateway.url}/echo`, {
      method: "POST",
      body,
      duplex: "half",
      headers: { "content-type": "text/plain" },
    });
    expect([answer.status, await answer.text()]).toEqual([200, "one two three"]);
    const leaving = new AbortController();
    const endless = await fetch(`${gateway.url}/endless`, { signal: leaving.signal });
    const reader = endless.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
    leaving.abort();
    await gone.promise;
  });
});

describe("the openai SDK as a client", () => {
  const question = { model: "small-1", messages: [{ role: "user", content: "Say hello" }] } as const;
  const words = ["Hel", "lo", " there"];

  /** As much of the chat completions API as the SDK needs: whole, streamed, and a refusal. */
  const completions: Answering = (request, response, body) => {
    if (request.headers.authorization !== "Bearer sk-of-the-gateway") {
      response.writeHead(401, { "content-type": "application/json" });
      return void response.end('{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}');
    }
    const asked = JSON.parse(body.toString("utf8")) as { readonly stream?: boolean; readonly model: string }; // the SDK wrote it
    if (asked.stream === true) return streamed(response, asked.model);
    response.writeHead(200, { "content-type": "application/json" });
    const message = { role: "assistant", content: words.join("") };
    response.end(
      JSON.stringify({
        id: "c1",
        object: "chat.completion",
        created: 1,
        model: asked.model,
        choices: [{ index: 0, message, finish_reason: "stop" }],
      }),
    );
  };

  function streamed(response: ServerResponse, model: string): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const content of words) {
      const chunk = {
        id: "c1",
        object: "chat.completion.chunk",
        created: 1,
        model,
        choices: [{ index: 0, delta: { content }, finish_reason: null }],
      };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    response.end("data: [DONE]\n\n");
  }

  async function provider() {
    const upstream = await startUpstream(completions);
    const gateway = await startGateway({
      config: `authenticators: { keys: { type: api-key, file: keys.yaml } }
upstreams: { model: { endpoints: ["${upstream.url}"], credential: { slot: bearer, secret: sk-of-the-gateway } } }
routes: [{ name: chat, match: { path: /v1/chat/completions, methods: [POST] }, authenticate: [keys], upstream: model }]
`,
      files: { "keys.yaml": `- { id: team, sha256: ${sha256("sk-of-the-team")}, principal: { id: team } }\n` },
    });
    return {
      upstream,
      gateway,
      client: (apiKey: string) => new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 }),
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]();
        await upstream[Symbol.asyncDispose]();
      },
    };
  }

  it("gets a completion with the gateway's credential in the place of its own", async () => {
    await using it = await provider();
    const completion = await it
      .client("sk-of-the-team")
      .chat.completions.create({ ...question, messages: [...question.messages] });
    expect(completion.choices[0]?.message.content).toBe("Hello there");
    const [seen] = it.upstream.seen;
    expect(seen?.headers["authorization"]).toBe("Bearer sk-of-the-gateway");
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain("sk-of-the-team");
    expect((await it.gateway.lineWhere(({ event }) => event === "exchange"))["principal_id"]).toBe("team");
  });

  it("gets a streamed completion word by word", async () => {
    await using it = await provider();
    const stream = await it
      .client("sk-of-the-team")
      .chat.completions.create({ ...question, messages: [...question.messages], stream: true });
    const received: string[] = [];
    for await (const chunk of stream) received.push(chunk.choices[0]?.delta.content ?? "");
    expect(received).toEqual(words);
  });

  it("understands a refusal: 401 becomes its AuthenticationError, with the request id", async () => {
    await using it = await provider();
    const refused = it.client("sk-of-nobody").chat.completions.create({ ...question, messages: [...question.messages] });
    const error = await refused.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AuthenticationError);
    if (!(error instanceof AuthenticationError)) return;
    const line = await it.gateway.lineWhere(({ event }) => event === "exchange");
    expect([error.status, error.requestID]).toEqual([401, line["request_id"]]);
    expect(it.upstream.seen).toEqual([]);
  });
});
