import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HpackDecoder } from "@sallyport/lean-grpc/hpack-decoder.ts";
import { testCertificates } from "../../support/certificates.ts";
import { oneRoute } from "../../support/one-route.ts";
import { FLAG, FRAME, frame, PREFACE, RawHttp2, settings } from "../../support/raw-http2-client.ts";
import { REPOSITORY } from "../../support/source-tree.ts";
import { startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../../support/start-upstream.ts";
import { http2Cases, type Http2Case, type Wanted } from "./cases.ts";

// cases with another outcome than their section wants, with the clause; UPDATE_GOLDEN=1 writes it anew
const KNOWN_FILE = join(REPOSITORY, "test/conformance/http2/known-failures.json");

interface KnownFailures {
  readonly [name: string]: { readonly clause: string; readonly outcome: string };
}

/** A frame that any server answers at once, behind everything else. */
const PROBE = frame(FRAME.ping, { payload: Buffer.from("probe...") });

/** How long an answer may take that does not come, milliseconds: only cases that are ignored wait so long. */
const PATIENCE_MS = 150;

const LISTENERS = `version: 1
listeners:
  - { name: clear, address: "127.0.0.1:0", protocols: [http1, h2c] }
  - name: secure
    address: "127.0.0.1:0"
    protocols: [http1, http2]
    tls: { certs: [{ cert_file: server.pem, key_file: server.key }] }
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
`;

describe("HTTP/2 as RFC 9113 and RFC 7541 have it", () => {
  let upstream: TestUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startUpstream();
    const { cert, key } = await (await testCertificates()).server();
    const files = { "server.pem": cert, "server.key": key };
    gateway = await startGateway({ config: LISTENERS + oneRoute(upstream.url), files });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  it.each(["clear", "secure"] as const)("is what the listener speaks, but for what is known (%s)", async (door) => {
    const tls = door === "secure";
    const port = gateway.running.listeners.find(({ scheme }) => scheme === (tls ? "https" : "http"))?.port ?? 0;
    const outcomes = await Promise.all(
      http2Cases(tls ? "https" : "http").map(async (each) => [each, await outcomeOf(each, port, tls)] as const),
    );
    const wrong = outcomes.filter(([{ wanted }, outcome]) => !isWanted(wanted, outcome));
    const known = JSON.parse(readFileSync(KNOWN_FILE, "utf8")) as KnownFailures; // our own file
    const found = Object.fromEntries(wrong.map(([each, outcome]) => [titleOf(each), outcome]));
    if (process.env["UPDATE_GOLDEN"] === "1") {
      const file = Object.entries(found).map(([name, outcome]) => [name, { clause: known[name]?.clause ?? "?", outcome }]);
      writeFileSync(KNOWN_FILE, `${JSON.stringify(Object.fromEntries(file), null, 2)}\n`);
    }
    expect(found).toEqual(Object.fromEntries(Object.entries(known).map(([name, { outcome }]) => [name, outcome])));
    for (const { clause } of Object.values(known)) expect(clause).toMatch(/RFC 9113 section/);
  });

  it("is held by more than a hundred cases, each under a name of its own", () => {
    const cases = http2Cases("http");
    expect(cases.length).toBeGreaterThan(100);
    expect(new Set(cases.map(titleOf)).size).toBe(cases.length);
  });
});

const titleOf = ({ section, name }: Http2Case): string => `${section}: ${name}`;

/** `goaway N`, `closed`, `reset N`, `answered N`, or `nothing`. */
async function outcomeOf({ opening, bytes, stream, wanted }: Http2Case, port: number, tls: boolean): Promise<string> {
  using client = await RawHttp2.connect(port, opening === undefined ? settings() : opening.subarray(PREFACE.length), tls);
  const ended = (): boolean => client.goaway !== undefined;
  // what was said of settings first would count as the settings of a client
  if (opening === undefined) await client.until(() => client.of(FRAME.settings).length > 1);
  const isAnswered = (): boolean =>
    client.frames.some((each) => each.stream === stream && each.type <= FRAME.headers && (each.flags & FLAG.endStream) !== 0);
  client.send(bytes, PROBE);
  await client.until(() => ended() || client.of(FRAME.ping).length > 0 || client.resetOf(stream) !== undefined);
  const settled = (): boolean => ended() || client.resetOf(stream) !== undefined || isAnswered();
  const patience = new Promise((resolve) => setTimeout(resolve, wanted.kind === "served" ? 5_000 : PATIENCE_MS));
  await Promise.race([client.until(settled), patience]);
  if (client.goaway !== undefined) return `goaway ${client.goaway}`;
  if (client.socket.destroyed) return "closed";
  const reset = client.resetOf(stream);
  if (isAnswered()) return `answered ${statusOf(client, stream)}`;
  return reset === undefined ? "nothing" : `reset ${reset}`;
}

function isWanted(wanted: Wanted, outcome: string): boolean {
  switch (wanted.kind) {
    case "connection-error":
      return outcome === `goaway ${wanted.code}` || outcome === "closed";
    case "stream-error":
      return [`reset ${wanted.code}`, `goaway ${wanted.code}`, "closed"].includes(outcome);
    case "refused":
      return ["reset 1", "goaway 1", "goaway 2", "answered 400"].includes(outcome);
    case "served":
      return outcome === "answered 200";
    case "ignored":
      return outcome === "nothing" || outcome === "goaway 0";
    default:
      return wanted satisfies never;
  }
}

function statusOf(client: RawHttp2, stream: number): string {
  const decoder = new HpackDecoder({ tableBytes: 4096, maxListBytes: 100_000 });
  const blocks = client.of(FRAME.headers).map(({ stream: each, payload }) => [each, decoder.decode(payload)] as const);
  return blocks.find(([each]) => each === stream)?.[1].find(([name]) => name === ":status")?.[1] ?? "";
}
