import { randomBytes } from "node:crypto";
import { globalAgent, type ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { send } from "../support/http-client.ts";
import { oneRoute } from "../support/one-route.ts";
import { startGateway } from "../support/start-gateway.ts";
import { startUpstream, type Answering } from "../support/start-upstream.ts";

const FILE = randomBytes(300_000);
const TAG = '"v1"';

/** A file server that knows ranges (RFC 9110 section 14): one, several, none that fits. */
const files: Answering = (request, response) => {
  response.setHeader("accept-ranges", "bytes");
  response.setHeader("etag", TAG);
  const wanted =
    request.headers["if-range"] === undefined || request.headers["if-range"] === TAG ? request.headers.range : undefined;
  if (wanted === undefined) return whole(response);
  const ranges = [...wanted.matchAll(/(\d+)-(\d+)/g)].map(([, from, to]) => [Number(from), Number(to)] as const);
  if (ranges.some(([from]) => from >= FILE.length)) {
    response.writeHead(416, { "content-range": `bytes */${FILE.length}` });
    response.end();
  } else if (ranges.length === 1) one(response, ranges[0] as readonly [number, number]);
  else several(response, ranges);
};

function whole(response: ServerResponse): void {
  response.setHeader("content-length", FILE.length);
  response.end(FILE);
}

function one(response: ServerResponse, [from, to]: readonly [number, number]): void {
  response.writeHead(206, { "content-range": `bytes ${from}-${to}/${FILE.length}`, "content-length": to - from + 1 });
  response.end(FILE.subarray(from, to + 1));
}

function several(response: ServerResponse, ranges: readonly (readonly [number, number])[]): void {
  response.writeHead(206, { "content-type": "multipart/byteranges; boundary=B" });
  for (const [from, to] of ranges) {
    response.write(`--B\r\ncontent-range: bytes ${from}-${to}/${FILE.length}\r\n\r\n`);
    response.write(FILE.subarray(from, to + 1));
    response.write("\r\n");
  }
  response.end("--B--\r\n");
}

describe("parts of a file", () => {
  it("are asked for and answered as if no gateway were between: one, several, none that fits, and all where the file changed", async () => {
    await using upstream = await startUpstream(files);
    await using gateway = await startGateway({ config: oneRoute(upstream.url) });
    for (const headers of [
      { range: "bytes=10-99" },
      { range: "bytes=0-0, 299999-299999, 7-70000" },
      { range: "bytes=300000-300001" },
      { range: "bytes=10-99", "if-range": TAG },
      { range: "bytes=10-99", "if-range": '"v0"' },
      {},
    ]) {
      const [direct, through] = await Promise.all([
        send(`${upstream.url}/file`, { headers, agent: globalAgent }),
        send(`${gateway.url}/file`, { headers }),
      ]);
      expect(through.status).toBe(direct.status);
      expect(through.body.equals(direct.body)).toBe(true);
      for (const name of ["content-range", "accept-ranges", "etag", "content-type"])
        expect(through.headers[name]).toBe(direct.headers[name]);
    }
  });
});

/** A service of uploads in parts, as Google's APIs (308) and tus (PATCH, 204) have them: an address first, then bytes to it. */
function uploads(): { readonly answer: Answering; readonly stored: () => Buffer } {
  let stored = Buffer.alloc(0);
  const answer: Answering = (request, response, body) => {
    if (request.method === "POST") {
      const location = "https://storage.example:8443/upload?upload_id=AB%2Fc&sig=x%3D%3D";
      response.writeHead(200, { location, "x-goog-upload-url": location, "x-goog-upload-status": "active", "upload-offset": 0 });
      return response.end();
    }
    stored = Buffer.concat([stored, body]);
    if (request.method === "PATCH") response.writeHead(204, { "upload-offset": stored.length, "tus-resumable": "1.0.0" });
    else if (stored.length < FILE.length) response.writeHead(308, { range: `bytes=0-${stored.length - 1}` });
    else response.writeHead(201, { "content-length": 0 });
    return response.end();
  };
  return { answer, stored: () => stored };
}

describe("an upload in parts", () => {
  it("gets the address its service names, to the letter: the bytes may go there without us", async () => {
    await using upstream = await startUpstream(uploads().answer);
    await using gateway = await startGateway({ config: oneRoute(upstream.url) });
    const answer = await send(`${gateway.url}/upload/files?uploadType=resumable&name=a%20b`, { method: "POST", body: "{}" });
    const location = "https://storage.example:8443/upload?upload_id=AB%2Fc&sig=x%3D%3D";
    expect(answer.headers).toMatchObject({ location, "x-goog-upload-url": location, "x-goog-upload-status": "active" });
    expect(upstream.seen[0]?.url).toBe("/upload/files?uploadType=resumable&name=a%20b");
  });

  it.each([
    ["PUT", (from: number, to: number) => ({ "content-range": `bytes ${from}-${to}/${FILE.length}` }), [308, 308, 201]],
    ["PATCH", (from: number) => ({ "upload-offset": String(from), "tus-resumable": "1.0.0" }), [204, 204, 204]],
  ] as const)(
    "arrives whole by %s, and the client is told after each part how far it is",
    async (method, headersOf, statuses) => {
      const service = uploads();
      await using upstream = await startUpstream(service.answer);
      await using gateway = await startGateway({ config: oneRoute(upstream.url) });
      const told: unknown[] = [];
      for (let from = 0; from < FILE.length; from += 100_000) {
        const headers = { ...headersOf(from, from + 99_999), "content-type": "application/offset+octet-stream" };
        const answer = await send(`${gateway.url}/upload/AB%2Dc?sig=x%3D`, {
          method,
          headers,
          body: FILE.subarray(from, from + 100_000),
        });
        told.push(answer.status);
        expect(upstream.seen.at(-1)?.headers).toMatchObject(headers);
        if (answer.status === 308) expect(answer.headers["range"]).toBe(`bytes=0-${from + 99_999}`);
      }
      expect(told).toEqual(statuses);
      expect(service.stored().equals(FILE)).toBe(true);
    },
  );
});
