import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { ROOT, startExample } from "./support/example-process.ts";

const TENANCY = join(ROOT, "examples/interceptors/tenancy/tenancy.ts");

const OPS_TOKEN = "a-token-of-ops-00000000000000000";

/** Clients that ask one request after the other. */
const CLIENTS = 8;

/** How often each thing must have been seen before the test goes on. */
const ENOUGH = 40;

describe("an interceptor that is killed under load", () => {
  let upstream: TestUpstream;
  let gateway: TestGateway | undefined;

  beforeAll(async () => {
    upstream = await startUpstream();
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  it("is answered for with 503, is back within two seconds of its listening line, and no request is lost or slips by unreviewed", async () => {
    const first = await startExample(TENANCY);
    gateway = await startGateway({
      strict: true,
      files: { ...(await gatewayFiles()), "ops.token": OPS_TOKEN },
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        authenticators: { ops: { type: "static-token", token_file: "ops.token", principal: { id: "ops", tenants: ["acme"] } } },
        routes: [openRoute("orders", { authenticate: ["ops"] })],
        interceptors: [
          interceptorAt(first.port, {
            name: "tenancy",
            timeout: "2s",
            bindings: [{ id: "assign-tenant", phase: "pre-route", mode: "mutate" }],
          }),
        ],
      }),
    });
    const load = new Load(`${gateway.url}/orders/1`);
    await load.seen(200, ENOUGH);
    await first.kill();
    await load.seen(503, ENOUGH);
    await using again = await startExample(TENANCY, first.port);
    await load.seen(200, ENOUGH);
    const recoveredMs = load.firstSince(200, again.listeningMs);
    await load.stop();
    await first[Symbol.asyncDispose]();

    expect(recoveredMs - again.listeningMs).toBeLessThan(2_000);
    // every request was answered, and with nothing but what the rules say
    expect(load.broken).toEqual([]);
    expect(new Set(load.answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    expect(new Set(load.answers.filter(({ status }) => status === 503).map(({ code }) => code))).toEqual(
      new Set(["interceptor_unavailable"]),
    );
    // the marker every reviewed request carries exactly once, and which no client can set
    for (const { rawHeaders } of upstream.seen) {
      const markers = rawHeaders.flatMap((name, index) =>
        index % 2 === 0 && name.toLowerCase() === "x-verified-tenant" ? [rawHeaders[index + 1]] : [],
      );
      expect(markers).toEqual(["acme"]);
    }
    expect(upstream.seen).toHaveLength(load.answers.filter(({ status }) => status === 200).length);
  });
});

interface LoadAnswer {
  readonly status: number;
  readonly code: string;
  readonly atMs: number;
}

/** Clients at work until they are stopped; keeps what each request came to. */
class Load {
  readonly answers: LoadAnswer[] = [];
  /** Requests that got no answer. */
  readonly broken: string[] = [];
  readonly #clients: readonly Promise<void>[];
  #stopping = false;
  #wake = (): void => {};

  constructor(url: string) {
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client(url));
  }

  /** Resolves once this status was seen so many times more. */
  async seen(status: number, times: number): Promise<void> {
    const begun = this.answers.length;
    while (this.answers.slice(begun).filter((answer) => answer.status === status).length < times) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** When this status was first seen after a moment. */
  firstSince(status: number, sinceMs: number): number {
    return this.answers.find((answer) => answer.status === status && answer.atMs >= sinceMs)?.atMs ?? Number.POSITIVE_INFINITY;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
  }

  async #client(url: string): Promise<void> {
    while (!this.#stopping) {
      try {
        const answer = await fetch(url, {
          headers: { authorization: `Bearer ${OPS_TOKEN}`, "x-tenant-id": "acme", "x-verified-tenant": "forged" },
          signal: AbortSignal.timeout(10_000),
        });
        const body = await answer.text();
        const code = answer.status === 200 ? "" : (JSON.parse(body) as { code: string }).code; // problems are ours
        this.answers.push({ status: answer.status, code, atMs: performance.now() });
      } catch (error) {
        this.broken.push(String(error));
      }
      this.#wake();
      // leaves the machine to the others: the restart is what is waited for
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
