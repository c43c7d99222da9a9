import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http2Fates, type Http2Fate, type RawFields } from "../../support/http2-fates.ts";
import { REPOSITORY } from "../../support/source-tree.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../../support/start-upstream.ts";
import { TARGET_CASES, TARGET_CONFIG, type TargetCase } from "./cases.ts";

// requests that should be refused and are served, under one host all the same; UPDATE_GOLDEN=1 writes it anew
const KNOWN_FILE = join(REPOSITORY, "test/conformance/request-target/known-failures.json");

/** A case as a header block: where the host is said, and what must be read of it. */
interface Http2Case {
  readonly name: string;
  readonly fields: RawFields;
  readonly read: TargetCase["read"];
}

const pseudo = ({ target, method = "GET" }: TargetCase, authority?: string): RawFields => [
  [":method", method],
  [":scheme", "http"],
  ...(authority === undefined ? [] : [[":authority", authority] as const]),
  [":path", target],
];

/** The absolute form is none of HTTP/2's, so a path must begin with a slash (RFC 9113 section 8.3.1). */
const readOf = ({ target, read }: TargetCase): TargetCase["read"] => (target.startsWith("/") ? read : undefined);

const hostLines = (hosts: readonly string[]): RawFields => hosts.map((host) => ["host", host]);

const inEveryPlace = (given: TargetCase): readonly Http2Case[] => {
  const { name, hosts } = given;
  const [host = ""] = hosts;
  const lines = { name: `${name}, as Host`, fields: [...pseudo(given), ...hostLines(hosts)], read: readOf(given) };
  if (hosts.length !== 1) return [lines];
  return [
    { name: `${name}, as the authority`, fields: pseudo(given, host), read: readOf(given) },
    lines,
    { name: `${name}, as both`, fields: [...pseudo(given, host), ...hostLines(hosts)], read: readOf(given) },
    { name: `${name}, beside another Host`, fields: [...pseudo(given, host), ["host", "b.test"]], read: undefined },
    { name: `${name}, beside another authority`, fields: [...pseudo(given, "b.test"), ...hostLines(hosts)], read: undefined },
  ];
};

const CASES = TARGET_CASES.filter(({ version }) => version === undefined)
  .flatMap(inEveryPlace)
  // what says b.test itself is no contradiction to it
  .filter(
    ({ fields, read }) => read !== undefined || fields.some(([name, value]) => /host|auth/.test(name) && value !== "b.test"),
  );

describe("request targets and hosts over HTTP/2", () => {
  let upstream: TestUpstream;
  let gateway: TestGateway;
  let fates: readonly Http2Fate[];

  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({ config: H2C_PREAMBLE + TARGET_CONFIG(upstream.url) });
    const requests = CASES.map(({ fields }, index) => ({ fields: [...fields, ["x-request-id", `case-${index}`] as const] }));
    fates = await http2Fates({ port: Number(new URL(gateway.url).port), tls: false }, requests);
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  it("are refused, or have one reading that matching, log and upstream agree on", () => {
    const lines = new Map(gateway.exchanges().map((line) => [line["request_id"], line]));
    for (const { headers, url } of upstream.seen) {
      const { host, path, route }: Readonly<Record<string, unknown>> = lines.get(headers["x-request-id"]) ?? {};
      const told = { host, path, route, forwarded: headers["x-forwarded-host"] };
      const served = headers["host"];
      const area = served === "b.test" ? "evil" : "rest";
      expect(told).toEqual({ host: served, path: url.split("?")[0], route: area, forwarded: served });
    }
    const served = fates.filter((fate) => fate.kind === "answered" && fate.status === 200).length;
    expect(upstream.seen).toHaveLength(served);
  });

  it("are read as they should be, but for what is known", () => {
    const seen = new Map(upstream.seen.map((request) => [request.headers["x-request-id"], request]));
    const others = CASES.filter(({ read }, index) => {
      const request = seen.get(`case-${index}`);
      if (read === undefined) return request !== undefined || !isRefusal(fates[index]);
      return request?.headers["host"] !== read.host || request.url !== read.target;
    }).map(({ name }) => name);
    const known = JSON.parse(readFileSync(KNOWN_FILE, "utf8")) as { readonly clause: string; readonly cases: readonly string[] }; // our own file
    if (process.env["UPDATE_GOLDEN"] === "1")
      writeFileSync(KNOWN_FILE, `${JSON.stringify({ ...known, cases: others }, null, 2)}\n`);
    expect(others).toEqual(known.cases);
    expect(known.clause).toMatch(/RFC \d+ section/);
  });

  it("are hundreds", () => {
    expect(CASES.length).toBeGreaterThan(500);
  });
});

const isRefusal = (fate: Http2Fate | undefined): boolean =>
  fate?.kind === "answered"
    ? [400, 404, 405].includes(fate.status)
    : fate !== undefined && fate.kind !== "closed" && fate.code === 1;
