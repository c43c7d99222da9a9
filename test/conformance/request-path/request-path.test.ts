import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http2Fates, type Http2Fate } from "../../support/http2-fates.ts";
import { RawClient } from "../../support/raw-http.ts";
import { requestFields } from "../../support/raw-http2-client.ts";
import { REPOSITORY } from "../../support/source-tree.ts";
import { H2C_PREAMBLE, PREAMBLE, startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../../support/start-upstream.ts";
import { BENIGN_TARGETS } from "./benign.ts";
import { READERS } from "./readers.ts";
import { pathSpellings } from "./spellings.ts";

const SPELLINGS = pathSpellings();

// readers whose mistake no gateway can make up for without refusing what others need, with the clause; UPDATE_GOLDEN=1 writes it anew
const KNOWN_FILE = join(REPOSITORY, "test/conformance/request-path/known-failures.json");

interface KnownFailures {
  readonly [reader: string]: { readonly clause: string; readonly paths: readonly string[] };
}

const CONFIG = (url: string): string => `upstreams: { echo: { endpoints: ["${url}"] } }
defaults: { route: { authenticate: [anonymous] } }
routes:
  - { name: admin, match: { path: /admin/** }, upstream: echo }
  - { name: public, match: { path: /public/** }, upstream: echo }
  - { name: rest, match: { path: /** }, upstream: echo }
`;

/** Connections at once. */
const AT_ONCE = 100;

/** What became of one request target. */
interface Fate {
  readonly target: string;
  readonly status: number;
  /** As the upstream got it; undefined: it did not. */
  readonly forwarded: string | undefined;
  readonly route: string;
  readonly logged: string;
}

describe.each(["codec node", "codec sallyport", "HTTP/2"] as const)("request paths (%s)", (door) => {
  let upstream: TestUpstream;
  let gateway: TestGateway;
  let fates: readonly Fate[];

  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({
      config: (door === "HTTP/2" ? H2C_PREAMBLE : PREAMBLE) + CONFIG(upstream.url),
      codec: door === "codec sallyport" ? "sallyport" : "node",
    });
    fates = await fatesOf([...SPELLINGS, ...BENIGN_TARGETS]);
  }, 60_000);

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  async function fatesOf(targets: readonly string[]): Promise<readonly Fate[]> {
    const statuses = await (door === "HTTP/2" ? overHttp2(targets) : overHttp1(targets));
    const lines = new Map(gateway.exchanges().map((line) => [line["request_id"], line]));
    const seen = new Map(upstream.seen.map((request) => [request.headers["x-request-id"], request.url]));
    return targets.map((target, index) => {
      const line: Readonly<Record<string, unknown>> = lines.get(`case-${index}`) ?? {};
      const { route, path } = line;
      return {
        target,
        status: statuses[index] ?? 0,
        forwarded: seen.get(`case-${index}`),
        route: typeof route === "string" ? route : "",
        logged: typeof path === "string" ? path : "",
      };
    });
  }

  async function overHttp1(targets: readonly string[]): Promise<readonly number[]> {
    const statuses: number[] = [];
    for (let at = 0; at < targets.length; at += AT_ONCE) {
      const some = targets.slice(at, at + AT_ONCE).map((target, index) => statusOf(target, at + index));
      statuses.push(...(await Promise.all(some)));
    }
    return statuses;
  }

  async function overHttp2(targets: readonly string[]): Promise<readonly number[]> {
    const requests = targets.map((target, index) => ({ fields: requestFields(target, [["x-request-id", `case-${index}`]]) }));
    return (await http2Fates({ port: Number(new URL(gateway.url).port), tls: false }, requests)).map(statusLike);
  }

  async function statusOf(target: string, index: number): Promise<number> {
    using client = await RawClient.connect(Number(new URL(gateway.url).port));
    client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: case-${index}\r\nConnection: close\r\n\r\n`);
    await client.toEnd();
    return client.statuses[0] ?? 0;
  }

  const hostile = (): readonly Fate[] => fates.slice(0, SPELLINGS.length);
  const benign = (): readonly Fate[] => fates.slice(SPELLINGS.length);

  it("are answered 200 or 400, every one, and reach the upstream only with 200", () => {
    const odd = fates.filter(({ status, forwarded }) => status !== 400 && !(status === 200 && forwarded !== undefined));
    expect(odd).toEqual([]);
    expect(fates.filter(({ status, forwarded }) => status === 400 && forwarded !== undefined)).toEqual([]);
  });

  it("are forwarded as they were matched and logged", () => {
    const passed = fates.filter(({ forwarded }) => forwarded !== undefined);
    expect(passed.filter(({ forwarded, logged }) => pathOf(forwarded) !== logged)).toEqual([]);
    expect(passed.filter(({ forwarded, route }) => areaOf(pathOf(forwarded).split("/").slice(1)) !== route)).toEqual([]);
  });

  it("that any known kind of server reads as another place never reach it, but for what is known", () => {
    const known: KnownFailures = JSON.parse(readFileSync(KNOWN_FILE, "utf8")) as KnownFailures; // our own file
    const found = Object.fromEntries(
      Object.entries(READERS).flatMap(([reader, read]) => {
        const paths = hostile().filter((fate) => isBypass(fate, read));
        return paths.length === 0 ? [] : [[reader, [...new Set(paths.map(({ target }) => target))].toSorted()]];
      }),
    );
    if (process.env["UPDATE_GOLDEN"] === "1") {
      const file = Object.fromEntries(
        Object.entries(found).map(([reader, paths]) => [reader, { clause: known[reader]?.clause ?? "?", paths }]),
      );
      writeFileSync(KNOWN_FILE, `${JSON.stringify(file, null, 2)}\n`);
    }
    expect(found).toEqual(Object.fromEntries(Object.entries(known).map(([reader, { paths }]) => [reader, paths])));
    for (const { clause } of Object.values(known)) expect(clause).toMatch(/RFC \d+/);
  });

  it("that hold an encoded slash, backslash or NUL, a raw semicolon or backslash, or a second encoding are refused", () => {
    const passed = hostile().filter(({ target, status }) => status === 200 && FORBIDDEN.test(target.split(/[?#]/)[0] ?? ""));
    expect(passed.map(({ target }) => target)).toEqual([]);
  });

  it("that mean no harm arrive unchanged, 99 of 100 at least", () => {
    const changed = benign().filter(({ target, forwarded }) => forwarded !== target);
    expect(changed.length / BENIGN_TARGETS.length).toBeLessThanOrEqual(0.01);
    // each of them is known
    expect(changed.map(({ target, forwarded, status }) => [target, forwarded ?? status])).toEqual(CHANGED);
  });

  it("are many, and each once", () => {
    expect(SPELLINGS.length).toBeGreaterThan(1_000);
    expect(BENIGN_TARGETS.length).toBeGreaterThanOrEqual(300);
    expect(new Set([...SPELLINGS, ...BENIGN_TARGETS]).size).toBe(SPELLINGS.length + BENIGN_TARGETS.length);
    const refused = hostile().filter(({ status }) => status === 400).length;
    // neither all refused nor all let through: then nothing was tried
    expect(refused / SPELLINGS.length).toBeGreaterThan(0.5);
    expect(hostile().filter(({ route }) => route === "admin").length).toBeGreaterThan(20);
  });
});

const FORBIDDEN = /%2f|%5c|%00|;|\\|%25(?:25)*(?:2e|2f|5c|00)|%c0|%c1|%e0%80|%f0%80/i;

/** PROTOCOL_ERROR is HTTP/2's way to say 400 of what is no path at all. */
const statusLike = (fate: Http2Fate): number =>
  fate.kind === "answered" ? fate.status : fate.kind === "reset" && fate.code === 1 ? 400 : 0;

/** The benign ones that do not pass as they are. */
const CHANGED: readonly (readonly [string, string | number])[] = [
  ["/api/v4/projects/group%2Fproject/issues", 400],
  ["/wiki/caf%c3%a9", "/wiki/caf%C3%A9"],
  ["/shop/cart;jsessionid=1A2B3C", 400],
  ["/image/fetch/f_auto/https://example.org/a.jpg", "/image/fetch/f_auto/https:/example.org/a.jpg"],
];

const pathOf = (target: string | undefined): string => (target ?? "").split("?")[0] ?? "";

const areaOf = ([first]: readonly string[]): string => (first === "admin" || first === "public" ? first : "rest");

/** Matched as one place, served as another. */
function isBypass({ forwarded, route }: Fate, read: (path: string) => readonly string[] | undefined): boolean {
  if (forwarded === undefined) return false;
  const served = read(pathOf(forwarded));
  return served !== undefined && areaOf(served) !== route;
}
