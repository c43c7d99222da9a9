import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { oneRoute } from "../support/one-route.ts";
import { RawClient } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type TestUpstream, type UpstreamRequestSeen } from "../support/start-upstream.ts";
import { ADDED, bytesOf, validRequest, type ValidRequest } from "../support/valid-requests.ts";

/** Of the connection: each has its own. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set(["connection", "keep-alive", "expect"]);

/** What an upstream makes of a request, without what either way of sending it has to itself. */
function understood({ method, url, rawHeaders, body }: UpstreamRequestSeen): unknown {
  const kept: string[] = [];
  const framing: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [rawHeaders[i], rawHeaders[i + 1]];
    const lower = name.toLowerCase();
    if (lower === "content-length" || lower === "transfer-encoding") {
      // nothing is nothing, whether somebody says so or not
      if (body.byteLength > 0) framing.push(`${lower}: ${value}`);
    } else if (!ADDED.has(lower) && !OF_THE_CONNECTION.has(lower)) kept.push(`${lower === "host" ? lower : name}: ${value}`);
  }
  return { method, url, framing, lines: kept, body: body.toString("latin1") };
}

describe.each([
  ["node", "sallyport"],
  ["sallyport", "sallyport"],
  ["sallyport", "undici"],
] as const)("a valid request (codec %s, upstream client %s)", (codec, upstreamClient) => {
  let upstream: TestUpstream;
  let gateway: TestGateway;
  let sent = 0;

  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({ config: oneRoute(upstream.url), codec, upstreamClient });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  async function seenBy(port: number, given: ValidRequest): Promise<UpstreamRequestSeen | string> {
    const id = `case-${(sent += 1)}`;
    using client = await RawClient.connect(port);
    client.send(bytesOf(given, id));
    await client.toEnd();
    const found = upstream.seen.find(({ headers }) => headers["x-case"] === id);
    return found === undefined ? client.received : { ...found, rawHeaders: withoutCase(found.rawHeaders) };
  }

  const withoutCase = (raw: readonly string[]): readonly string[] =>
    raw.filter((_, index) => raw[index - (index % 2)] !== "X-Case");

  it("means to the upstream what it means without a gateway, but for the documented changes", async () => {
    await fc.assert(
      fc.asyncProperty(validRequest, async (given) => {
        const direct = await seenBy(upstream.port, given);
        const through = await seenBy(Number(new URL(gateway.url).port), given);
        if (typeof direct === "string") throw new Error(`not a valid request: ${direct}`);
        if (typeof through === "string") throw new Error(`did not reach the upstream: ${through}`);
        expect(understood(through)).toEqual(understood(direct));
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});
