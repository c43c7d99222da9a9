import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { allow, binding, defineInterceptor } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http1Asker, http2Asker } from "../soak/askers.ts";
import { gatewayFiles, startInterceptor, TLS } from "../support/start-interceptor.ts";
import { listening, startSallyport } from "../support/start-sallyport.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024, "x");
const PIECES = 1024;

/** Allows by the path alone: bodies pass it by. */
const guard = defineInterceptor({
  name: "guard",
  bindings: {
    guard: binding({ phase: "pre-route", mode: "validate", needs: ["/request/path"], review: () => allow() }),
  },
});

describe("a gateway through which 256 MiB pass each way, reviewed", () => {
  const stack = new AsyncDisposableStack();
  let url: string;
  let pid: number;

  beforeAll(async () => {
    const directory = stack.use(await temporaryDirectory());
    for (const [name, content] of Object.entries(await gatewayFiles())) await writeFile(join(directory.path, name), content);
    const interceptor = stack.use(await startInterceptor(guard));
    const upstream = createServer((request, response) => {
      response.on("error", () => {});
      if (request.method === "POST") return void request.resume().once("end", () => response.end());
      void (async () => {
        for (let i = 0; i < PIECES; i += 1) if (!response.write(PIECE)) await once(response, "drain");
        response.end();
      })().catch(() => {});
    });
    await once(upstream.listen(0, "127.0.0.1"), "listening");
    stack.defer(() => void upstream.close());
    // a listening TCP server's address is no pipe name
    const { port } = upstream.address() as AddressInfo;
    await writeFile(
      directory.file("gateway.yaml"),
      `version: 1
listeners: [{ name: public, address: "127.0.0.1:0", protocols: [http1, h2c] }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
upstreams: { main: { endpoints: ["http://127.0.0.1:${port}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main, max_body_bytes: 1GiB }]
interceptors:
  - name: guard
    endpoint: grpcs://127.0.0.1:${interceptor.port}
    tls: ${TLS}
    bindings: [{ id: guard, phase: pre-route, mode: validate }]
`,
    );
    const gateway = stack.use(startSallyport(["run", "--json", "gateway.yaml"], { cwd: directory.path }));
    ({ url } = await listening(gateway));
    pid = gateway.pid;
    await http1Asker.post(`${url}/warm`, PIECE, 64);
  });

  afterAll(() => stack.disposeAsync());

  const residentBytes = async (): Promise<number> =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

  it.skipIf(process.platform !== "linux").each([
    ["HTTP/1.1", http1Asker],
    ["HTTP/2", http2Asker],
  ] as const)("keeps little of it: its memory grows by less than 64 MiB (%s)", async (_version, asker) => {
    const before = await residentBytes();
    let most = before;
    const look = setInterval(() => void residentBytes().then((now) => (most = Math.max(most, now))), 20);
    await asker.post(`${url}/up`, PIECE, PIECES);
    const { body, leave } = await asker.get(`${url}/down`);
    let received = 0;
    for await (const piece of body as AsyncIterable<Buffer>) received += piece.length;
    leave();
    clearInterval(look);
    expect(received).toBe(256 * MIB);
    expect((most - before) / MIB).toBeLessThan(64);
  });
});
