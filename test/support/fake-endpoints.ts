import type { AttemptFailure, EndpointClient, OpenEndpoints } from "../../src/adapters/upstream/endpoint-client.ts";
import { BalancedUpstream } from "../../src/adapters/upstream/balance/balanced-upstream.ts";
import { OutOfService } from "../../src/adapters/upstream/balance/endpoint-signals.ts";
import type { EndpointSettings, UpstreamSettings } from "../../src/adapters/upstream/balance/upstream-settings.ts";
import { prometheusMetrics } from "../../src/adapters/telemetry/prometheus-metrics.ts";
import { isStream } from "../../src/model/byte-stream.ts";
import { CancelSource, type Cancel } from "../../src/model/cancel.ts";
import type { Response } from "../../src/model/exchange.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import { err, ok, type Result } from "../../src/model/result.ts";
import type { Log } from "../../src/ports/log.ts";
import type { UpstreamRequest } from "../../src/ports/upstream.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryLog } from "./memory-log.ts";
import { requestTo, upstreamSettings } from "./upstream.ts";

/** What an endpoint does with one attempt. */
export type Answering = (attempt: {
  readonly request: UpstreamRequest;
  readonly cancel: Cancel;
  readonly totalDueMs: number | undefined;
}) => Promise<Result<Response, AttemptFailure>> | Result<Response, AttemptFailure>;

export const answers =
  (status: number): Answering =>
  () =>
    ok({ status, headers: HeaderLines.EMPTY, body: undefined });

/** Fails; a body that flows is given up, as every client does. */
export const fails =
  (kind: AttemptFailure["kind"]): Answering =>
  ({ request }) => {
    if (isStream(request.body)) request.body.discard();
    const problem = kind === "connect" ? "upstream_unreachable" : "upstream_invalid_response";
    return err({ problem, cause: `${kind} failed`, kind });
  };

/** `a` is 10.0.0.1, `b` 10.0.0.2: addresses, so that nothing is resolved. */
const urlOf = (letter: string): string => `http://10.0.0.${letter.charCodeAt(0) - 96}`;

/** The letter of an endpoint. */
export const letterOf = (url: unknown): string => String.fromCharCode(96 + Number(String(url).split(".").at(-1)));

/** An upstream whose endpoints are scripts, each called by a letter; `http://a` in settings is that of `a`. */
export class FakeEndpoints {
  readonly clock = new FakeClock();
  readonly log = new MemoryLog();
  /** When each line of the log was written. */
  readonly toldAtMs: number[] = [];
  readonly metrics = prometheusMetrics();
  readonly out = new OutOfService(this.metrics);
  /** Which endpoint each attempt went to, by its letter. */
  readonly asked: string[] = [];
  /** By letter; 200 where there is none. */
  readonly scripts = new Map<string, Answering>();
  readonly upstream: BalancedUpstream;

  constructor(endpoints: readonly (string | EndpointSettings)[], choice: Partial<UpstreamSettings> = {}) {
    this.upstream = new BalancedUpstream(
      upstreamSettings(
        endpoints.map((each) =>
          typeof each === "string" ? urlOf(each) : { ...each, url: urlOf(each.url.slice("http://".length)) },
        ),
        choice,
      ),
      {
        open: this.#open,
        resolve: () => Promise.reject(new Error("no name is used here")),
        clock: this.clock,
        log: this.#timed,
        metrics: this.metrics,
        out: this.out,
        random: () => 0.5,
      },
    );
  }

  readonly #timed: Log = {
    write: (...line) => {
      this.log.write(...line);
      this.toldAtMs.push(this.clock.nowMs());
    },
  };

  readonly #open: OpenEndpoints = () => (endpoint) => {
    const letter = letterOf(endpoint.url);
    let underWay = 0;
    const client: EndpointClient = {
      get underWay() {
        return underWay;
      },
      send: async (request, cancel, totalDueMs) => {
        underWay += 1;
        this.asked.push(letter);
        try {
          return await (this.scripts.get(letter) ?? answers(200))({ request, cancel, totalDueMs });
        } finally {
          underWay -= 1;
        }
      },
      addressesChanged() {},
      async [Symbol.asyncDispose]() {},
    };
    return client;
  };

  /** Sends one request; its status, or its problem. */
  async send(request: UpstreamRequest = requestTo("GET"), cancel: Cancel = new CancelSource()): Promise<number | string> {
    const answer = await this.upstream.send(request, cancel);
    return answer.ok ? answer.value.status : answer.error.problem;
  }

  /** So many, one after the other; who was asked. */
  async sendMany(count: number): Promise<readonly string[]> {
    const before = this.asked.length;
    for (let i = 0; i < count; i += 1) await this.send();
    return this.asked.slice(before);
  }
}
