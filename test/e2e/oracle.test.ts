import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { desyncForms } from "../support/desync-forms.ts";
import { DESYNC_PAYLOADS } from "../support/desync-payloads.ts";
import { RawClient } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { configuration, interceptorAt } from "./support/configuration.ts";
import { recordingUpstream, response, type RecordingUpstream } from "./support/recording-upstream.ts";
import { patching, scripted, type Scripted } from "./support/scripted.ts";

/** One listener that loses patience with half a request soon. */
const DOOR = `version: 1
listeners: [{ name: public, address: "127.0.0.1:0", limits: { header_timeout: 1s, body_idle: 1s, idle: 1s } }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 2s
`;

const HOST = "Host: gateway.test";

/** Odd requests that are requests all the same. */
const ODD: readonly string[] = [
  `GET / HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `HEAD /a HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `DELETE //a///b HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `GET /a/../b/./%2e%2e/c HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `GET /%41%7e?x=%41&%5F HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `GET http://gateway.test/absolute HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `OPTIONS /a HTTP/1.1\r\n${HOST}\r\nOrigin: https://site.test\r\nAccess-Control-Request-Method: DELETE\r\n\r\n`,
  `OPTIONS /a HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}\r\nX-Marker: forged\r\n\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}\r\nx-MARKER:forged\r\n\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  `POST /a HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Marker\r\n\r\n1\r\na\r\n0\r\nX-Marker: forged\r\n\r\n`,
  `POST /a HTTP/1.1\r\n${HOST}\r\nContent-Length: 60\r\n\r\n${"GET /inner HTTP/1.1\r\nHost: a\r\nX-Marker: inner\r\n\r\n".padEnd(60, "x")}`,
  `POST /a HTTP/1.1\r\n${HOST}\r\nContent-Length: 4\r\nX-HTTP-Method-Override: DELETE\r\nX-Original-URL: /admin\r\n\r\nbody`,
  `POST /a HTTP/1.1\r\n${HOST}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody`,
  `GET /1 HTTP/1.1\r\n${HOST}\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n\r\nGET /3 HTTP/1.1\r\n${HOST}\r\n\r\n`,
];

/** What must not become a request of any kind. */
const REFUSED: readonly string[] = [
  `GET /a HTTP/1.1\r\n${HOST}\r\nX_Marker: forged\r\n\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}\r\nX-Marker: a\r\nX-Marker: b\r\n\r\n`,
  `GET /a HTTP/1.1\r\n${HOST}\r\nConnection: x-marker\r\n\r\n`,
  `GET /a%2Fb HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n\r\n`,
  `TRACE /a HTTP/1.1\r\n${HOST}\r\n\r\n`,
];

/** Connections at once; each of them may wait a second for what never comes. */
const AT_ONCE = 600;

const SENTINEL = `GET /sentinel HTTP/1.1\r\n${HOST}\r\nConnection: close\r\n\r\n`;

describe.each(["sallyport", "undici"] as const)(
  "a binding on every route that stamps a marker it owns (upstream client %s)",
  (upstreamClient) => {
    let upstream: RecordingUpstream;
    let service: Scripted;
    let gateway: TestGateway;

    beforeAll(async () => {
      upstream = await recordingUpstream(() => response("ok"));
      service = await scripted(
        [
          {
            id: "stamp",
            phase: "pre-route",
            mode: "mutate",
            needs: ["/request/path"],
            writes: ["/request/headers/x-marker"],
            ownsHeaders: ["x-marker"],
          },
        ],
        ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-marker", value: "reviewed" }]),
      );
      const sections = configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [
          { name: "all", match: { path: "/**" }, authenticate: ["anonymous"], upstream: "main" },
          { name: "inner", match: { path: "/a/**", methods: ["GET", "POST"] }, authenticate: ["anonymous"], upstream: "main" },
        ],
        interceptors: [interceptorAt(service.port, { bindings: [{ id: "stamp", phase: "pre-route", mode: "mutate" }] })],
      });
      gateway = await startGateway({ files: await gatewayFiles(), config: DOOR + sections, upstreamClient });
    });

    afterAll(async () => {
      for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
    });

    /** Sends these bytes on one connection, a harmless request behind them, and waits until the gateway ends it. */
    async function send(bytes: string): Promise<string> {
      using client = await RawClient.connect(Number(new URL(gateway.url).port));
      client.send(bytes + SENTINEL);
      return await client.toEnd();
    }

    const markers = (request: string): readonly string[] =>
      [...request.matchAll(/^x-marker: *(.*)\r$/gim)].map(([, value = ""]) => value);

    /** One canonical length, exactly `chunked`, or neither, on lines nobody reads otherwise. */
    const framingOf = (request: string): "canonical" | "ambiguous" => {
      const head = request.slice(0, request.indexOf("\r\n\r\n") + 2);
      const plain = [...head.matchAll(/^(?:content-length: (?:0|[1-9][0-9]*)|transfer-encoding: chunked)\r\n/gim)];
      // by any separator, with anything before the colon that somebody might skip
      const named = [...head.matchAll(/^(?:content.length|transfer.encoding)[^!-9;-~]*:/gim)];
      return plain.length <= 1 && named.length === plain.length ? "canonical" : "ambiguous";
    };

    /** Heads only: what a body says is the client's business. */
    const headAndTrailers = (request: string): string => request.replace(/(\r\n\r\n)(?!0\r\n)[^]*?(?=\r\n0\r\n|$)/, "$1");

    it("finds it exactly once on every request the upstream ever sees, whatever is thrown at the gateway (RFC.md)", async () => {
      const thrown = [...ODD, ...REFUSED, ...[...DESYNC_PAYLOADS, ...desyncForms()].map(({ bytes }) => bytes)];
      for (let at = 0; at < thrown.length; at += AT_ONCE) await Promise.all(thrown.slice(at, at + AT_ONCE).map(send));
      expect(upstream.requests.length).toBeGreaterThan(ODD.length);
      const reached = [...upstream.requests, ...upstream.unfinished];
      for (const request of reached) {
        expect({ request, markers: markers(headAndTrailers(request)) }).toEqual({ request, markers: ["reviewed"] });
        expect(request).not.toMatch(/^(GET|POST) \/smuggled/);
        expect({ request, framing: framingOf(request) }).toEqual({ request, framing: "canonical" });
      }
      expect(service.reviews.length).toBeGreaterThanOrEqual(reached.length);
    });

    it("lets nothing through at all once it is gone (C15)", async () => {
      await service.service.kill();
      const reached = upstream.requests.length;
      const answers = await Promise.all(ODD.map(send));
      expect(answers.filter((answer) => / (200|100) /.test(answer.split("\r\n")[0] ?? ""))).toEqual([]);
      expect(upstream.requests).toHaveLength(reached);
    });
  },
);
