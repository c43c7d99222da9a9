import * as fc from "fast-check";
import { FLAG, FRAME } from "@sallyport/lean-grpc/frame.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http2Fates, type RawHttp2Request } from "../support/http2-fates.ts";
import { oneRoute } from "../support/one-route.ts";
import { headersFrames, startRawHttp2, type RawHttp2, type RawHttp2Connection } from "../support/raw-http2.ts";
import { RawClient } from "../support/raw-http.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { ADDED, bytesOf, validRequest, type ValidRequest } from "../support/valid-requests.ts";

type Lines = readonly (readonly [name: string, value: string])[];

/** A request as whoever got it understood it, in the words of either version. */
interface Understood {
  readonly method: string;
  readonly url: string;
  readonly lines: Lines;
  readonly body: string;
  readonly trailers: Lines;
}

/** An upstream of either version that remembers what it understood, by `x-case`. */
interface Remembering extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  seen(id: string): Understood | undefined;
}

/** What only one version has, what the gateway adds, and what is of the connection. */
const OF_NO_CONSEQUENCE: ReadonlySet<string> = new Set([
  ...ADDED,
  "connection",
  "keep-alive",
  "expect",
  "x-case",
  "transfer-encoding",
]);

/** In lower case, crumbs of a cookie joined (RFC 9113 section 8.2.3); a length that says there is nothing says nothing. */
function linesOf(lines: Lines): Lines {
  const lower = lines.map(([name, value]) => [name.toLowerCase(), value] as const);
  const cookie = lower.filter(([name]) => name === "cookie").map(([, value]) => value);
  const others = lower.filter(
    ([name, value]) => !OF_NO_CONSEQUENCE.has(name) && name !== "cookie" && !(name === "content-length" && value === "0"),
  );
  const all = cookie.length === 0 ? others : [...others, ["cookie", cookie.join("; ")] as const];
  // lines of one name keep their order; that of names has no meaning
  return all.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

async function startHttp1(): Promise<Remembering> {
  const upstream: TestUpstream = await startUpstream();
  return {
    url: upstream.url,
    port: upstream.port,
    seen(id) {
      const found = upstream.seen.find(({ headers }) => headers["x-case"] === id);
      if (found === undefined) return undefined;
      const { method, url, rawHeaders, body } = found;
      const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ""] as const] : []));
      return { method, url, lines: linesOf(lines), body: body.toString("latin1"), trailers: [] };
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

async function startHttp2(): Promise<Remembering> {
  const ended = (
    frame: { readonly type: number; readonly flags: number; readonly streamId: number },
    to: RawHttp2Connection,
  ): void => {
    if ((frame.flags & FLAG.END_STREAM) === 0 || frame.type > FRAME.HEADERS) return;
    to.send(headersFrames(frame.streamId, [[":status", "200"]], FLAG.END_STREAM));
  };
  const upstream: RawHttp2 = await startRawHttp2({ onFrame: ended });
  return {
    url: upstream.url,
    port: Number(new URL(upstream.url).port),
    seen(id) {
      const head = upstream.requests.find(({ fields }) => fields.some(([name, value]) => name === "x-case" && value === id));
      if (head === undefined) return undefined;
      const { connection, streamId, fields } = head;
      const behind = upstream.requests.find(
        (each) => each !== head && each.connection === connection && each.streamId === streamId,
      );
      const pseudo = Object.fromEntries(fields.filter(([name]) => name.startsWith(":")));
      return {
        method: pseudo[":method"] ?? "",
        url: pseudo[":path"] ?? "",
        lines: linesOf([["host", pseudo[":authority"] ?? ""], ...fields.filter(([name]) => !name.startsWith(":"))]),
        body: connection.text(streamId),
        trailers: linesOf(behind?.fields ?? []),
      };
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

/** As HTTP/2 has it. */
function framesOf({ method, target, lines, body, trailers }: ValidRequest, id: string): RawHttp2Request {
  const whole = body?.pieces.join("") ?? "";
  const length = body?.framing === "length" ? [["content-length", String(whole.length)] as const] : [];
  return {
    fields: [
      [":method", method],
      [":scheme", "http"],
      [":authority", "api.test:8080"],
      [":path", target],
      ["x-case", id],
      ...lines.map(([name, value]) => [name.toLowerCase(), value] as const),
      ...length,
    ],
    ...(body === undefined ? {} : { body: whole }),
    ...(body?.framing === "chunked" && trailers.length > 0
      ? { trailers: trailers.map(([name, value]) => [name.toLowerCase(), value] as const) }
      : {}),
  };
}

const send = {
  async "HTTP/1.1"(port: number, given: ValidRequest, id: string): Promise<void> {
    using client = await RawClient.connect(port);
    client.send(bytesOf(given, id));
    await client.toEnd();
  },
  async "HTTP/2"(port: number, given: ValidRequest, id: string): Promise<void> {
    await http2Fates({ port, tls: false }, [framesOf(given, id)]);
  },
};

describe.each([
  ["HTTP/2", "HTTP/1.1"],
  ["HTTP/1.1", "HTTP/2"],
  ["HTTP/2", "HTTP/2"],
] as const)("a valid request (client %s, upstream %s)", (client, version) => {
  let upstream: Remembering;
  let gateway: TestGateway;
  let sent = 0;

  beforeAll(async () => {
    upstream = await (version === "HTTP/2" ? startHttp2() : startHttp1());
    const config = oneRoute(upstream.url, version === "HTTP/2" ? { upstream: ", protocol: http2" } : {});
    gateway = await startGateway({ config: H2C_PREAMBLE + config, codec: "sallyport" });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  it("means to the upstream what it means without a gateway, but for the documented changes", async () => {
    await fc.assert(
      fc.asyncProperty(validRequest, async (given) => {
        const id = (sent += 1);
        await send[version](upstream.port, given, `direct-${id}`);
        await send[client](Number(new URL(gateway.url).port), given, `through-${id}`);
        const [direct, through] = [upstream.seen(`direct-${id}`), upstream.seen(`through-${id}`)];
        if (direct === undefined) throw new Error("not a valid request");
        // trailers pass from HTTP/2 to HTTP/2 only
        const trailers = client === "HTTP/2" && version === "HTTP/2" ? direct.trailers : [];
        expect(through).toEqual({ ...direct, trailers });
      }),
      { numRuns: 120 },
    );
  }, 60_000);
});
