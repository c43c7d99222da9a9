import { Pool } from "undici";
import { isStream } from "../../model/byte-stream.ts";
import type { UpstreamRequest } from "../../ports/upstream.ts";
import type { Cancel } from "../../model/cancel.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EndpointAddress, EndpointClient, EndpointNames, OpenEndpoints, UpstreamTimeouts } from "./endpoint-client.ts";
import { UpstreamCall } from "./upstream-call.ts";

/** Largest response head, bytes. */
const MAX_RESPONSE_HEAD_BYTES = 64 * 1024;

/** How long disposing waits for requests under way. */
const CLOSE_MS = 30_000;

/**
 * Sends over undici: a pool of kept-alive connections per endpoint. A request is written once and never again: undici takes an idle
 * connection only after looking for a close that has already arrived, and a connection that breaks after the write fails
 * the exchange, so nothing is ever done twice. Trailers and interim responses are dropped.
 */
export const undiciEndpoints: OpenEndpoints =
  (timeouts, { clock }) =>
  (endpoint, names) =>
    new UndiciEndpoint({ newPool: () => poolFor(endpoint, timeouts, names), sni: endpoint.tls?.sni, timeouts, clock });

interface UndiciParts {
  readonly newPool: () => Pool;
  /** Else undici takes the host line's name for it. */
  readonly sni: string | undefined;
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
}

class UndiciEndpoint implements EndpointClient {
  readonly #parts: UndiciParts;
  #pool: Pool;
  #underWay = 0;

  constructor(parts: UndiciParts) {
    this.#parts = parts;
    this.#pool = parts.newPool();
  }

  get underWay(): number {
    return this.#underWay;
  }

  send(request: UpstreamRequest, cancel: Cancel, totalDueMs?: number): ReturnType<EndpointClient["send"]> {
    const { timeouts, clock, sni } = this.#parts;
    this.#underWay += 1;
    const call = new UpstreamCall({
      request,
      timeouts,
      totalDueMs,
      clock,
      cancel,
      onOver: () => (this.#underWay -= 1),
    });
    // what undici refuses to write it tells the call, it does not throw
    if (!cancel.aborted) {
      const { requestTarget: path, upgrade } = request;
      const options = { method: methodOf(request), path, headers: linesOf(request), body: call.requestBody };
      const chosen = { ...(sni === undefined ? {} : { servername: sni }), ...(upgrade === undefined ? {} : { upgrade }) };
      this.#pool.dispatch({ ...options, ...chosen }, call);
    }
    return call.answer;
  }

  addressesChanged(): void {
    // ends when the last request on it is over; how that went changes nothing for anybody
    this.#pool.close().catch(() => {});
    this.#pool = this.#parts.newPool();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise: overdue, resolve } = Promise.withResolvers<void>();
    const stop = this.#parts.clock.after(CLOSE_MS, resolve);
    await Promise.race([this.#pool.close(), overdue]);
    stop();
    await this.#pool.destroy();
  }
}

function poolFor({ url, tls }: EndpointAddress, timeouts: UpstreamTimeouts, names: EndpointNames | undefined): Pool {
  // a session taken up again would not be asked who it is
  const secured = tls && { ...tls, servername: tls.sni, rejectUnauthorized: true, maxCachedSessions: 0 };
  return new Pool(url, {
    allowH2: false,
    pipelining: 1,
    connect: { ...secured, timeout: timeouts.connectMs, ...(names === undefined ? {} : { lookup: names.lookup }) },
    // the call keeps its own time
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
    strictContentLength: true,
  });
}

// undici types the methods it knows and takes every token
const methodOf = (request: UpstreamRequest): string => request.method;

/** Names and values as undici writes them; the length of a stream is declared where it is known, else undici frames it chunked. */
function linesOf({ headers, body }: UpstreamRequest): string[] {
  const lines: string[] = [];
  headers.each((name, value, writtenName) => {
    if (!WRITTEN_BY_UNDICI.has(name)) lines.push(writtenName, value);
  });
  if (isStream(body) && body.declaredBytes !== undefined) lines.push("content-length", String(body.declaredBytes));
  return lines;
}

const WRITTEN_BY_UNDICI: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);
