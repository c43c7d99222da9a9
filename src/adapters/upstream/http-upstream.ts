import { Pool } from "undici";
import { isStream } from "../../model/byte-stream.ts";
import { err } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Upstream, UpstreamRequest } from "../../ports/upstream.ts";
import { UpstreamCall, type UpstreamTimeouts } from "./upstream-call.ts";

/** One named upstream over HTTP/1.1. */
export interface HttpUpstreamSettings {
  readonly name: string;
  /** Origins without a trailing slash, at least one; used in turn. */
  readonly endpoints: readonly { readonly url: string }[];
  readonly timeouts: UpstreamTimeouts;
  /** Requests under way at once, over all endpoints; beyond: `upstream_overloaded`. */
  readonly maxRequests: number;
}

/** Largest response head, bytes. */
const MAX_RESPONSE_HEAD_BYTES = 64 * 1024;

/** How long disposing waits for requests under way. */
const CLOSE_MS = 30_000;

/**
 * Sends over a pool of kept-alive connections per endpoint. A request is written once and never again: undici takes an idle
 * connection only after looking for a close that has already arrived, and a connection that breaks after the write fails
 * the exchange (`upstream_unreachable`), so nothing is ever done twice. Trailers and interim responses are dropped.
 */
export function httpUpstream(settings: HttpUpstreamSettings, deps: { readonly clock: Clock }): Upstream {
  const pools = settings.endpoints.map(({ url }) => poolFor(url, settings.timeouts));
  let next = 0;
  let underWay = 0;
  return {
    async send(request, cancel) {
      const pool = pools[next % pools.length];
      if (pool === undefined || underWay >= settings.maxRequests) {
        if (isStream(request.body)) request.body.discard();
        return err({ problem: "upstream_overloaded", cause: `${underWay} requests under way` });
      }
      next += 1;
      underWay += 1;
      const call = new UpstreamCall({
        request,
        timeouts: settings.timeouts,
        clock: deps.clock,
        cancel,
        onOver: () => (underWay -= 1),
      });
      // what undici refuses to write it tells the call, it does not throw
      if (!cancel.aborted) {
        const { requestTarget: path, upgrade } = request;
        const options = { method: methodOf(request), path, headers: linesOf(request), body: call.requestBody };
        pool.dispatch(upgrade === undefined ? options : { ...options, upgrade }, call);
      }
      return call.answer;
    },
    async [Symbol.asyncDispose]() {
      const { promise: overdue, resolve } = Promise.withResolvers<void>();
      const stop = deps.clock.after(CLOSE_MS, resolve);
      await Promise.race([Promise.all(pools.map((pool) => pool.close())), overdue]);
      stop();
      await Promise.all(pools.map((pool) => pool.destroy()));
    },
  };
}

function poolFor(url: string, timeouts: UpstreamTimeouts): Pool {
  return new Pool(url, {
    allowH2: false,
    pipelining: 1,
    connectTimeout: timeouts.connectMs,
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
