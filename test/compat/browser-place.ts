import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { allow, binding, defineInterceptor, type Answer } from "@sallyport/interceptors-sdk";
import type { Browser, Page } from "playwright-core";
import { testCertificates } from "../support/certificates.ts";
import { startGrpcEcho } from "../support/grpc-echo.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, TLS } from "../support/start-interceptor.ts";

/** What a page shows to be let in. */
export const KEY = "page-key-0123456789";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const isInstalled = ["playwright-core", "ws"].every((name) =>
  existsSync(fileURLToPath(new URL(`node_modules/${name}/package.json`, import.meta.url))),
);

/** Why no browser can be tried here; undefined: one can. */
export const NO_BROWSER: string | undefined =
  CHROMIUM === undefined
    ? "no Chromium on this machine; apt-get install chromium"
    : isInstalled
      ? undefined
      : "`npm ci --ignore-scripts` in test/compat installs what drives it";

/** A request as the upstream saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** Bytes of the body so far. */
  bytes: number;
  /** SHA-256 of the body, hex, once it was whole. */
  sha256: string | undefined;
}

/** A browser with two pages of different origins, and a gateway on a third in front of an upstream. */
export interface BrowserPlace extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** The gateway in the clear, and over TLS with HTTP/2. */
  readonly plain: string;
  readonly secure: string;
  /** Of an origin that is listed; a cookie of its site is set. */
  readonly page: Page;
  /** Of one that is not. */
  readonly other: Page;
  /** What the browser said to the developers of the pages. */
  readonly complaints: readonly string[];
  readonly seen: readonly SeenRequest[];
  /** Resolves when the reader of `/api/endless` has left. */
  readonly left: Promise<void>;
  /** What the interceptor of `/gated` answers from now on. */
  answer: () => Answer<"pre-route", "validate", []>;
}

/** Starts all of it. */
export async function browserPlace(): Promise<BrowserPlace> {
  await using parts = new AsyncDisposableStack();
  const upstream = parts.use(await startApi());
  const pages = parts.use(await listening(createServer((_request, response) => servePage(response))));
  const rpc = parts.use(await startGrpcEcho());
  const state = { answer: (): Answer<"pre-route", "validate", []> => allow() };
  const gate = binding({ phase: "pre-route", mode: "validate", needs: ["/request/path"], review: () => state.answer() });
  const service = parts.use(await startInterceptor(defineInterceptor({ name: "gate", version: "1", bindings: { gate } })));
  const { cert, key } = await (await testCertificates()).server();
  const gateway = parts.use(
    await startGateway({
      files: { ...(await gatewayFiles()), "server.pem": cert, "server.key": key, "keys.yaml": KEYS },
      config: configuration({ page: pages.url, api: upstream.url, rpc: rpc.port, gate: service.port }),
    }),
  );
  const browser = await launch();
  parts.defer(() => browser.close());
  const complaints: string[] = [];
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const open = async (url: string): Promise<Page> => {
    const page = await context.newPage();
    page.on("console", (message) => complaints.push(message.text()));
    await page.goto(url);
    return page;
  };
  const page = await open(pages.url);
  const other = await open(pages.url.replace("127.0.0.1", "localhost"));
  const [plain, secure] = gateway.running.listeners.map(({ scheme, port }) => `${scheme}://127.0.0.1:${port}`);
  const held = parts.move();
  return {
    gateway,
    plain: plain ?? "",
    secure: secure ?? "",
    page,
    other,
    complaints,
    seen: upstream.seen,
    left: upstream.left,
    get answer() {
      return state.answer;
    },
    set answer(next) {
      state.answer = next;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const KEYS = `- { id: k1, sha256: ${createHash("sha256").update(KEY).digest("hex")}, principal: { id: page } }\n`;

function configuration(of: { readonly page: string; readonly api: string; readonly rpc: number; readonly gate: number }): string {
  const tls = "{ certs: [{ cert_file: server.pem, key_file: server.key }] }";
  return `version: 1
listeners:
  - { name: plain, codec: sallyport, address: "127.0.0.1:0" }
  - { name: secure, address: "127.0.0.1:0", tls: ${tls}, protocols: [http1, http2] }
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
upstreams:
  api: { endpoints: ["${of.api}"] }
  rpc: { endpoints: ["http://127.0.0.1:${of.rpc}"], protocol: grpc }
  nobody: { endpoints: ["http://127.0.0.1:1"] }
authenticators:
  keys: { type: api-key, slots: [bearer, header/x-api-key, query/key], file: keys.yaml }
defaults:
  route:
    authenticate: [keys]
    policies: { cors: { origins: ["${of.page}"], credentials: true, expose: [x-total, x-request-id] } }
routes:
  - { name: api, match: { path: /api/** }, upstream: api, max_body_bytes: 16MiB }
  - { name: down, match: { path: /down/** }, upstream: nobody, authenticate: [anonymous] }
  - { name: gated, match: { path: /gated/** }, upstream: api, authenticate: [anonymous] }
  - { name: rpc, match: { grpc: { service: t.Echo } }, upstream: rpc }
  - { name: bare, match: { path: /bare/** }, upstream: api, authenticate: [anonymous], policies: { cors: null } }
  - name: public
    match: { path: /public/** }
    upstream: api
    authenticate: [anonymous]
    policies: { cors: { origins: ["*"], credentials: false } }
interceptors:
  - name: gate
    endpoint: grpcs://127.0.0.1:${of.gate}
    tls: ${TLS}
    bindings: [{ id: gate, phase: pre-route, mode: validate, match: { routes: [gated] } }]
`;
}

async function launch(): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  return chromium.launch({
    ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
    // a profile of its own is made for each launch
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });
}

const servePage = (response: ServerResponse): void =>
  void response
    .writeHead(200, { "content-type": "text/html", "set-cookie": "session=kim; Path=/" })
    .end("<!doctype html><title>page</title>");

interface Listening extends AsyncDisposable {
  readonly url: string;
}

async function listening(server: Server): Promise<Listening> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a listening TCP server has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Api extends Listening, Pick<BrowserPlace, "seen" | "left"> {}

/** An API that knows nothing of browsers, and says something foolish about CORS. */
async function startApi(): Promise<Api> {
  const { WebSocketServer } = await import("ws");
  const seen: SeenRequest[] = [];
  const left = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    request.on("error", () => {});
    const entry = remember(request);
    seen.push(entry);
    response.setHeader("access-control-allow-origin", "https://evil.test");
    response.setHeader("timing-allow-origin", "*");
    answer(entry, { request, response, seen, onLeft: left.resolve });
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", (message, isBinary) => socket.send(message, { binary: isBinary })));
  const running = await listening(server);
  return {
    url: running.url,
    seen,
    left: left.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      await running[Symbol.asyncDispose]();
    },
  };
}

function remember(request: IncomingMessage): SeenRequest {
  const { method = "", url = "", headers } = request;
  const entry: SeenRequest = { method, path: url.split("?", 1)[0] ?? "", headers, bytes: 0, sha256: undefined };
  const hash = createHash("sha256");
  request.on("data", (chunk: Buffer) => {
    entry.bytes += chunk.byteLength;
    hash.update(chunk);
  });
  request.on("end", () => (entry.sha256 = hash.digest("hex")));
  return entry;
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly seen: readonly SeenRequest[];
  readonly onLeft: () => void;
}

function answer(entry: SeenRequest, { request, response, seen, onLeft }: Asked): void {
  switch (entry.path) {
    case "/api/events":
      return oneEvent(request, response);
    case "/api/endless":
      response.once("close", onLeft);
      response.writeHead(200, { "content-type": "text/plain" });
      return void response.write("begun");
    case "/api/uploaded":
      return json(response, { bytes: seen.findLast(({ path }) => path === "/api/slowly")?.bytes ?? 0 });
    case "/api/missing":
      return json(response, { error: "no such thing" }, 404);
    default:
      request.on("end", () => json(response, { method: entry.method, bytes: entry.bytes, sha256: entry.sha256 }));
  }
}

const json = (response: ServerResponse, body: unknown, status = 200): void =>
  void response.writeHead(status, { "content-type": "application/json", "x-total": "3" }).end(JSON.stringify(body));

/** The next event after the last the client had, then the end: it has to come again for more. */
function oneEvent({ headers }: IncomingMessage, response: ServerResponse): void {
  const next = Number(headers["last-event-id"] ?? 0) + 1;
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(`retry: 10\nid: ${next}\ndata: event ${next}\n\n`);
}
