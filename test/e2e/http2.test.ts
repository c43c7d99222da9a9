import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { connect, type ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { Agent, request as undiciRequest } from "undici";
import { describe, expect, it } from "vitest";
import { testCertificates } from "../support/certificates.ts";
import { oneRoute } from "../support/one-route.ts";
import { programPath, runProgram, type ProgramRun } from "../support/run-program.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream, type Answering } from "../support/start-upstream.ts";

const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

const ADMIN = 'admin: { address: "127.0.0.1:0", token_file: admin-token }\n';
const preamble = (listener: string): string =>
  `version: 1\nlisteners: [{ name: public, address: "127.0.0.1:0", ${listener} }]\n${ADMIN}drain: 2s\n`;

/** HTTP/1.1 and HTTP/2 on one port, over TLS or without. */
async function startBoth(upstream: { readonly url: string }, scheme: "http" | "https"): Promise<TestGateway> {
  if (scheme === "http") return startGateway({ config: preamble("protocols: [http1, h2c]") + oneRoute(upstream.url) });
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  const tls = "tls: { certs: [{ cert_file: server.pem, key_file: server.key }] }, protocols: [http1, http2]";
  const files = { "server.pem": cert, "server.key": key, "ca.pem": certificates.ca };
  return startGateway({ config: preamble(tls) + oneRoute(upstream.url), files });
}

const echo: Answering = (_request, response, body) => void response.end(body);

const curl = programPath("curl");

describe.skipIf(curl === undefined)(
  curl === undefined ? "curl over HTTP/2 (SKIPPED: no curl on this machine)" : "curl over HTTP/2",
  () => {
    const versions = [
      ["https", "--http2", "2"],
      ["http", "--http2-prior-knowledge", "2"],
      ["https", "--http1.1", "1.1"],
      ["http", "--http1.1", "1.1"],
    ] as const;

    const run = (gateway: TestGateway, argv: readonly string[]): Promise<ProgramRun> =>
      runProgram(curl ?? "", ["-sS", "--max-time", "20", "--cacert", "ca.pem", ...argv], { cwd: gateway.directory });

    it.each(versions)("gets an answer and a problem: %s %s", async (scheme, version, spoken) => {
      await using upstream = await startUpstream();
      await using gateway = await startBoth(upstream, scheme);
      const ask = (path: string): Promise<ProgramRun> =>
        run(gateway, [version, "-w", "\n%{http_version} %{http_code}", "-H", "Cookie: a=1", `${gateway.url}${path}`]);
      expect((await ask("/hello?x=1")).stdout).toBe(`{"ok":true}\n${spoken} 200`);
      expect((await ask("/a%00")).stdout).toMatch(new RegExp(`"code":"bad_request".*\n${spoken.replace(".", "\\.")} 400$`, "s"));
      expect(upstream.seen).toHaveLength(1);
      expect(upstream.seen[0]?.headers).toMatchObject({
        host: gateway.url.replace(/^https?:\/\//, ""),
        cookie: "a=1",
        "x-forwarded-proto": scheme,
      });
    });

    it.each(versions)("sends a large file and gets every byte back: %s %s", async (scheme, version) => {
      await using upstream = await startUpstream(echo);
      await using gateway = await startBoth(upstream, scheme);
      const file = randomBytes(8 * 1024 * 1024);
      await writeFile(join(gateway.directory, "file"), file);
      const argv = [version, "-T", "file", "-H", "Expect: 100-continue", "-o", "back", "-w", "%{http_code} %{size_download}"];
      const { code, stdout, stderr } = await run(gateway, [...argv, `${gateway.url}/file`]);
      expect([code, stdout, stderr]).toEqual([0, `200 ${file.length}`, ""]);
      expect(sha256(upstream.seen[0]?.body ?? "")).toBe(sha256(file));
    });

    it("is refused a body that is too large, of which it has sent a window at most", async () => {
      await using upstream = await startUpstream();
      await using gateway = await startBoth(upstream, "https");
      await writeFile(join(gateway.directory, "file"), randomBytes(11 * 1024 * 1024));
      const argv = [
        "--http2",
        "-T",
        "file",
        "-H",
        "Expect: 100-continue",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{size_upload}",
      ];
      const { stdout } = await run(gateway, [...argv, `${gateway.url}/file`]);
      expect(stdout).toMatch(/^413 [0-9]+$/);
      expect(Number(stdout.slice(4))).toBeLessThanOrEqual(64 * 1024);
      expect(upstream.seen).toEqual([]);
    });

    it("shows server-sent events as they come, and its leaving reaches the upstream", async () => {
      const gone = Promise.withResolvers<void>();
      await using upstream = await startStreamingUpstream((_request, response) => {
        response.once("close", () => gone.resolve());
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write("data: one\n\n");
      });
      await using gateway = await startBoth(upstream, "http");
      // the stream has no end: curl leaves after a second, with what it has
      const { code, stdout } = await runProgram(curl ?? "", [
        ...["-sN", "--http2-prior-knowledge", "--max-time", "1"],
        `${gateway.url}/events`,
      ]);
      expect([code, stdout]).toEqual([28, "data: one\n\n"]);
      await gone.promise;
    });
  },
);

const nghttp = programPath("nghttp");

describe.skipIf(nghttp === undefined)(
  nghttp === undefined ? "nghttp2's clients (SKIPPED: no nghttp on this machine)" : "nghttp2's clients",
  () => {
    it.each(["http", "https"] as const)("nghttp gets an answer over %s, with a body of its own", async (scheme) => {
      await using upstream = await startUpstream(echo);
      await using gateway = await startBoth(upstream, scheme);
      await writeFile(join(gateway.directory, "file"), "hello");
      const { code, stdout } = await runProgram(nghttp ?? "", ["-d", "file", `${gateway.url}/x`], { cwd: gateway.directory });
      expect([code, stdout]).toEqual([0, "hello"]);
    });

    it("h2load has thousands of requests answered on a few connections, all of them", async () => {
      await using upstream = await startUpstream();
      await using gateway = await startBoth(upstream, "http");
      const argv = ["-n", "4000", "-c", "4", "-m", "50", `${gateway.url}/x`];
      const { code, stdout } = await runProgram(programPath("h2load") ?? "", argv);
      expect(code).toBe(0);
      expect(stdout).toContain("4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout");
      expect(upstream.seen).toHaveLength(4000);
    });
  },
);

describe("undici with HTTP/2", () => {
  it("gets answers, beside each other, with bodies both ways", async () => {
    await using upstream = await startUpstream(echo);
    await using gateway = await startBoth(upstream, "https");
    const { ca } = await testCertificates();
    const agent = new Agent({ allowH2: true, connections: 1, pipelining: 100, connect: { ca, servername: "localhost" } });
    const bodies = Array.from({ length: 50 }, (_, i) => `body ${i} `.repeat(1000));
    const answers = await Promise.all(
      bodies.map(async (body, i) => {
        const { statusCode, body: answer } = await undiciRequest(`${gateway.url}/${i}`, {
          method: "POST",
          body,
          dispatcher: agent,
        });
        return [statusCode, await answer.text()];
      }),
    );
    expect(answers).toEqual(bodies.map((body) => [200, body]));
    await agent.close();
  });
});

/** Asks on a session of Node's own client. */
function ask(session: ClientHttp2Session, path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stream = session.request({ ":path": path, ...headers });
  let status = 0;
  let text = "";
  stream.setEncoding("utf8");
  stream.on("response", (head) => (status = head[":status"] ?? 0));
  stream.on("data", (part: string) => (text += part));
  stream.on("end", () => resolve(`${status} ${text}`));
  stream.on("error", reject);
  stream.end();
  return promise;
}

describe("HTTP/2 over TLS", () => {
  it("is chosen by ALPN; who names no protocol speaks HTTP/1.1", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startBoth(upstream, "https");
    const { ca } = await testCertificates();
    const chosen = async (ALPNProtocols: string[] | undefined): Promise<string | false | null> => {
      const socket = connectTls({
        port: Number(new URL(gateway.url).port),
        host: "127.0.0.1",
        ca,
        servername: "localhost",
        ...(ALPNProtocols && { ALPNProtocols }),
      });
      await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
      socket.destroy();
      return socket.alpnProtocol;
    };
    expect(await chosen(["h2", "http/1.1"])).toBe("h2");
    expect(await chosen(["http/1.1", "h2"])).toBe("h2");
    expect(await chosen(["http/1.1"])).toBe("http/1.1");
    expect(await chosen(undefined)).toBe(false);
    await expect(chosen(["spdy/3"])).rejects.toThrow(/application protocol/i);
  });

  it("finishes what is under way when the gateway drains, and tells the client", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await using upstream = await startUpstream((_request, response) => {
      asked.resolve();
      void answer.promise.then(() => response.end("late"));
    });
    const gateway = await startBoth(upstream, "https");
    const { ca } = await testCertificates();
    const session = connect(gateway.url, { ca, servername: "localhost" });
    const told = new Promise((resolve) => session.once("goaway", resolve));
    const late = ask(session, "/late");
    await asked.promise;
    const stopped = gateway[Symbol.asyncDispose]();
    expect(await told).toBe(0);
    answer.resolve();
    expect(await late).toBe("200 late");
    await stopped;
  });
});

describe("one answer for both versions", () => {
  it("is given to the same request, and the upstream sees the same", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startBoth(upstream, "http");
    const headers = {
      "x-a": "1",
      cookie: "a=1; b=2",
      accept: "text/plain",
      "x-request-id": "same",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    const session = connect(gateway.url);
    await ask(session, "/a/../b//c?x=%20", headers);
    session.destroy();
    await (await fetch(`${gateway.url}/b/c?x=%20`, { headers })).text();
    const [two, one] = upstream.seen.map(({ headers: seen, url, method }) => {
      const {
        "user-agent": _agent,
        "accept-language": _language,
        "sec-fetch-mode": _mode,
        "accept-encoding": _encoding,
        connection: _connection,
        traceparent: _trace,
        "x-correlation-id": _id,
        ...rest
      } = seen;
      return { url, method, ...rest };
    });
    expect(two).toEqual(one);
  });
});
