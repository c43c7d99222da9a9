import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configuration, interceptorAt } from "../../e2e/support/configuration.ts";
import { recordingUpstream, response, type RecordingUpstream } from "../../e2e/support/recording-upstream.ts";
import { patching, scripted, type Scripted } from "../../e2e/support/scripted.ts";
import { http2Fates, type Http2Fate } from "../../support/http2-fates.ts";
import { startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { REPOSITORY } from "../../support/source-tree.ts";
import { gatewayFiles } from "../../support/start-interceptor.ts";
import { testCertificates } from "../../support/certificates.ts";
import { DOWNGRADE_FORMS, type DowngradeForm } from "./forms.ts";
import { isMalformed, isOneRequest } from "./judge.ts";

// forms that RFC 9113 wants refused and that are served without the field in question; UPDATE_GOLDEN=1 writes it anew
const KNOWN_FILE = join(REPOSITORY, "test/conformance/http2-downgrade/known-failures.json");

interface KnownFailures {
  readonly clause: string;
  readonly forms: readonly string[];
}

const DOORS = {
  h2c: { scheme: "http", listener: "protocols: [http1, h2c]" },
  TLS: {
    scheme: "https",
    listener: "protocols: [http1, http2], tls: { certs: [{ cert_file: server.pem, key_file: server.key }] }",
  },
} as const;

describe.each(["h2c", "TLS"] as const)("requests over HTTP/2 that HTTP/1.1 would read otherwise (%s)", (door) => {
  let upstream: RecordingUpstream;
  let service: Scripted;
  let gateway: TestGateway;
  let fates: readonly Http2Fate[];
  let reached: readonly string[];

  beforeAll(async () => {
    upstream = await recordingUpstream(() => response("ok"));
    service = await scripted([STAMP], ({ reviewId }) =>
      patching(reviewId, [{ op: "add", path: "/request/headers/x-marker", value: "reviewed" }]),
    );
    const { cert, key } = await (await testCertificates()).server();
    const sections = configuration({
      upstreams: { main: { endpoints: [upstream.url] } },
      routes: [{ name: "all", match: { path: "/**" }, authenticate: ["anonymous"], upstream: "main" }],
      interceptors: [interceptorAt(service.port, { bindings: [{ id: "stamp", phase: "pre-route", mode: "mutate" }] })],
    });
    gateway = await startGateway({
      files: { ...(await gatewayFiles()), "server.pem": cert, "server.key": key },
      config: PREAMBLE.replace("LISTENER", DOORS[door].listener) + sections,
    });
    const place = { port: Number(new URL(gateway.url).port), tls: door === "TLS" };
    fates = await http2Fates(place, DOWNGRADE_FORMS.map(numbered));
    reached = [...upstream.requests, ...upstream.unfinished];
  }, 60_000);

  afterAll(async () => {
    for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
  });

  /** With its number, by which its traces are found; an attack elsewhere in the block cannot take that away. */
  const numbered = ({ fields, ...rest }: DowngradeForm, index: number): DowngradeForm => ({
    ...rest,
    fields: [
      ...fields.map(([name, value]) => [name, name === ":scheme" && value === "http" ? DOORS[door].scheme : value] as const),
      ["x-request-id", `case-${index}`],
    ],
  });

  it("are thousands of forms, each under a name of its own", () => {
    expect(DOWNGRADE_FORMS.length).toBeGreaterThan(2_000);
    expect(new Set(DOWNGRADE_FORMS.map(({ name }) => name)).size).toBe(DOWNGRADE_FORMS.length);
    // neither all refused nor all let through: then nothing was tried
    const answered = fates.filter((fate) => fate.kind === "answered" && fate.status === 200).length;
    expect(answered / fates.length).toBeGreaterThan(0.1);
    expect(answered / fates.length).toBeLessThan(0.5);
  });

  it("are refused or served: nothing else becomes of them", () => {
    const odd = fates.flatMap((fate, i) => (isExpected(fate) ? [] : [[DOWNGRADE_FORMS[i]?.name, fate]]));
    expect(odd).toEqual([]);
  });

  it("reach the upstream as exactly one request each, which one reading only is possible of, with the marker once", () => {
    for (const request of reached) expect([request, isOneRequest(request)]).toEqual([request, true]);
    const served = fates.flatMap((fate, i) => (fate.kind === "answered" && fate.status === 200 ? [`case-${i}`] : []));
    const seen = upstream.requests.map((request) => /^x-request-id: (.*)\r$/m.exec(request)?.[1]);
    expect(new Set(seen)).toEqual(new Set(served));
    expect(seen).toHaveLength(served.length);
    expect(service.reviews.length).toBeGreaterThanOrEqual(reached.length);
  });

  it("are refused where RFC 9113 wants it, but for what is known", () => {
    const known = JSON.parse(readFileSync(KNOWN_FILE, "utf8")) as KnownFailures; // our own file
    const forms = DOWNGRADE_FORMS.filter((form, i) => {
      const fate = fates[i];
      return fate?.kind === "answered" && fate.status === 200 && isMalformed(form);
    }).map(({ name }) => name);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(KNOWN_FILE, `${JSON.stringify({ ...known, forms }, null, 2)}\n`);
    expect(forms).toEqual(known.forms);
    expect(known.clause).toMatch(/RFC 9113 section/);
  });
});

const STAMP = {
  id: "stamp",
  phase: "pre-route",
  mode: "mutate",
  needs: ["/request/path"],
  writes: ["/request/headers/x-marker"],
  ownsHeaders: ["x-marker"],
} as const;

const PREAMBLE = `version: 1
listeners: [{ name: public, address: "127.0.0.1:0", LISTENER }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
`;

/** Answered as a request that is right or wrong, or refused as the protocol has it. */
function isExpected(fate: Http2Fate): boolean {
  if (fate.kind === "answered") return [200, 400, 405, 417].includes(fate.status);
  // PROTOCOL_ERROR; INTERNAL_ERROR is what Node makes of DATA beyond the length; ENHANCE_YOUR_CALM of too many trailers
  return fate.kind === "goaway" ? fate.code <= 2 : fate.kind === "reset" && (fate.code === 1 || fate.code === 11);
}
