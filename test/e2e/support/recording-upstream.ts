import { createServer, type AddressInfo, type Socket } from "node:net";

/** An upstream that keeps every request as the bytes it was. */
export interface RecordingUpstream extends AsyncDisposable {
  readonly url: string;
  /** Whole requests, head and body, a character a byte, in order of arrival. */
  readonly requests: readonly string[];
  /** What arrived of requests that broke off. */
  readonly unfinished: readonly string[];
}

/** The whole response to a whole request, a character a byte. */
export type Responding = (request: string) => string;

/** Starts one on a free loopback port. It keeps connections open and answers each request once its body has arrived. */
export async function recordingUpstream(respond: Responding): Promise<RecordingUpstream> {
  const requests: string[] = [];
  const unfinished: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let pending = "";
    socket.on("close", () => {
      sockets.delete(socket);
      if (pending !== "") unfinished.push(pending);
    });
    socket.on("data", (chunk) => {
      pending += chunk.toString("latin1");
      for (let end = endOfRequest(pending); end !== undefined; end = endOfRequest(pending)) {
        const request = pending.slice(0, end);
        pending = pending.slice(end);
        requests.push(request);
        const answer = respond(request);
        socket.write(
          Buffer.from(request.startsWith("HEAD ") ? answer.slice(0, answer.indexOf("\r\n\r\n") + 4) : answer, "latin1"),
        );
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a listening TCP server has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    unfinished,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Where the first request of this text ends; undefined while it is not complete. */
function endOfRequest(text: string): number | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const start = head + 4;
  if (/\r\ntransfer-encoding: *chunked/i.test(text.slice(0, head))) return endOfChunks(text, start);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= start + length ? start + length : undefined;
}

/** By the sizes: what a chunk holds may look like the last one. */
function endOfChunks(text: string, start: number): number | undefined {
  const line = /^([0-9a-f]+)\r\n/i;
  for (let at = start; ;) {
    const size = line.exec(text.slice(at, at + 20));
    if (size === null) return undefined;
    const bytes = Number.parseInt(size[1] ?? "", 16);
    at += size[0].length;
    if (bytes === 0) {
      // trailers where there are any
      const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(at));
      return trailers === null ? undefined : at + trailers[0].length;
    }
    at += bytes + 2;
  }
}

/** A response with this body. */
export function response(
  body: string,
  { status = 200, headers = [] }: { readonly status?: number; readonly headers?: readonly string[] } = {},
): string {
  return [`HTTP/1.1 ${status} Fine`, ...headers, `Content-Length: ${Buffer.byteLength(body, "latin1")}`, "", body].join("\r\n");
}

/** The text without what differs from one exchange to the next: ids and dates. */
export const withoutIds = (text: string): string =>
  text.replaceAll(/^(x-request-id|x-correlation-id|traceparent|date): .*$/gim, "$1: -");
