import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as an upstream received it. */
export interface UpstreamRequestSeen {
  readonly method: string;
  readonly url: string;
  /** Names and values, alternating, as they came. */
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A real HTTP/1.1 server that remembers what reached it. */
export interface TestUpstream extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly seen: readonly UpstreamRequestSeen[];
}

/** What a test upstream answers; the default is 200 with a small JSON body. */
export type Answering = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** Starts an upstream on a free loopback port; it reads whole bodies before it answers. */
export async function startUpstream(answer: Answering = answerOk): Promise<TestUpstream> {
  const seen: UpstreamRequestSeen[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      seen.push({
        method: request.method ?? "",
        url: request.url ?? "",
        rawHeaders: request.rawHeaders,
        headers: flat(request),
        body,
      });
      answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a listening TCP server has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const flat = (request: IncomingMessage): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );

function answerOk(_request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("content-type", "application/json");
  response.end('{"ok":true}');
}
