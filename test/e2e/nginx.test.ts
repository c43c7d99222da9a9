import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { oneConnection, send } from "../support/http-client.ts";
import { oneRoute } from "../support/one-route.ts";
import { programPath } from "../support/run-program.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startNginx, type TestNginx } from "../support/start-nginx.ts";

const program = programPath("nginx");
const name =
  program === undefined
    ? "nginx as an upstream (SKIPPED: no nginx on this machine; Debian: apt-get install nginx-light)"
    : "nginx as an upstream";

describe.skipIf(program === undefined)(name, () => {
  const large = randomBytes(3 * 1024 * 1024);
  let nginx: TestNginx;
  let gateway: TestGateway;

  beforeAll(async () => {
    nginx = await startNginx(program ?? "", {
      files: { "hello.txt": "hello from nginx\n", "large.bin": large, "long.json": JSON.stringify({ text: "x".repeat(4096) }) },
      // without gzip_proxied nginx compresses nothing for a request with Via
      server: `gzip on; gzip_proxied any; gzip_types application/json; gzip_min_length 100;
    client_max_body_size 64k; client_body_buffer_size 128k;
    location = /echo { add_header x-saw-host $http_host always; add_header x-saw-length "$content_length" always; return 200 "$request_method $request_uri"; }
    location = /moved { return 302 /hello.txt; }
    location = /nothing { return 204; }`,
    });
    gateway = await startGateway({ config: oneRoute(nginx.url) });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await nginx?.[Symbol.asyncDispose]();
  });

  it("answers through the gateway as it answers without it", async () => {
    for (const path of ["/hello.txt", "/missing.txt", "/moved", "/nothing", "/echo?a=1&b=%20"]) {
      const [through, direct] = [
        await send(gateway.url + path, { headers: { host: "files.example" } }),
        await send(nginx.url + path, { headers: { host: "files.example" } }),
      ];
      expect([path, through.status, through.text]).toEqual([path, direct.status, direct.text]);
      for (const header of ["content-type", "content-length", "etag", "last-modified", "location", "server", "x-saw-host"])
        expect([path, header, through.headers[header]]).toEqual([path, header, direct.headers[header]]);
    }
  });

  it("serves a large file whole, and a range of it", async () => {
    const whole = await send(`${gateway.url}/large.bin`);
    expect(whole.body.equals(large)).toBe(true);
    const part = await send(`${gateway.url}/large.bin`, { headers: { range: "bytes=1000-1999" } });
    expect([part.status, part.headers["content-range"], part.body.equals(large.subarray(1000, 2000))]).toEqual([
      206,
      `bytes 1000-1999/${large.length}`,
      true,
    ]);
  });

  it("answers a conditional request with 304, and HEAD with a length and no body", async () => {
    const first = await send(`${gateway.url}/hello.txt`);
    const again = await send(`${gateway.url}/hello.txt`, { headers: { "if-none-match": first.headers["etag"] ?? "" } });
    expect([again.status, again.body.length, again.headers["etag"]]).toEqual([304, 0, first.headers["etag"]]);
    const head = await send(`${gateway.url}/hello.txt`, { method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "17", 0]);
  });

  it("compresses for clients that ask for it, chunked, and the gateway passes the bytes on", async () => {
    const answer = await send(`${gateway.url}/long.json`, { headers: { "accept-encoding": "gzip" } });
    expect(answer.headers).toMatchObject({ "content-encoding": "gzip", "transfer-encoding": "chunked" });
    expect(JSON.parse(gunzipSync(answer.body).toString("utf8"))).toEqual({ text: "x".repeat(4096) });
  });

  it("refuses a body in the middle, and its own answer reaches the client", async () => {
    const answer = await send(`${gateway.url}/hello.txt`, { body: randomBytes(60 * 1024) });
    expect(answer.status).toBe(405);
    const refused = await send(`${gateway.url}/hello.txt`, { body: randomBytes(256 * 1024) });
    expect([refused.status, refused.headers["server"]]).toEqual([413, expect.stringContaining("nginx")]);
  });

  it("is spoken to over kept-alive connections in HTTP/1.1", async () => {
    const agent = oneConnection();
    const before = (await readFile(`${nginx.directory}/access.log`, "utf8")).split("\n").length;
    for (let sent = 0; sent < 5; sent += 1) expect((await send(`${gateway.url}/hello.txt`, { agent })).status).toBe(200);
    agent.destroy();
    const lines = (await readFile(`${nginx.directory}/access.log`, "utf8")).split("\n").slice(before - 1, -1);
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line).toContain('"GET /hello.txt HTTP/1.1" 200 17');
  });
});
