import { CaptureRoom } from "../../src/app/capture-room.ts";
import { OpenTunnels } from "../../src/app/open-tunnels.ts";
import { PlanHolder } from "../../src/app/plan-holder.ts";
import { routeBindings } from "../../src/app/route-bindings.ts";
import { parsePathPattern } from "../../src/config/path-pattern.ts";
import { CancelSource } from "../../src/model/cancel.ts";
import { isStream, type ByteStream } from "../../src/model/byte-stream.ts";
import type { ExchangeRecord } from "../../src/model/exchange-record.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import type { CredentialSlot } from "../../src/model/credential-slot.ts";
import type { ExecutionPlan } from "../../src/model/plan.ts";
import type { RouteMatchPlan, RoutePlan } from "../../src/model/route-plan.ts";
import type { Received } from "../../src/model/received.ts";
import { routeTable } from "../../src/plan/route-table.ts";
import { compareBindings } from "../../src/plan/order.ts";
import { pipeline } from "../../src/pipeline/handle.ts";
import { cors } from "../../src/policies/cors/cors.ts";
import { toClientResponse } from "../../src/policies/forward/to-client-response.ts";
import { shownResponses } from "../../src/policies/forward/to-shown-response.ts";
import { credentialsRemoved, upstreamRequests } from "../../src/policies/forward/to-upstream-request.ts";
import { ingress } from "../../src/policies/ingress/receive.ts";
import type { Authenticator } from "../../src/ports/authenticator.ts";
import type { Answer, Handle, Sent } from "../../src/ports/inbound.ts";
import type { LongLivedStream } from "../../src/ports/long-lived.ts";
import type { Observation } from "../../src/ports/observers.ts";
import type { RunnablePlan, RunnableRoute } from "../../src/ports/runnable-plan.ts";
import type { Entered, ShedReason } from "../../src/ports/turnstile.ts";
import type { TunnelEnd } from "../../src/ports/tunnels.ts";
import { addressSet } from "../../src/support/cidr.ts";
import { RecordingSink } from "./byte-flow.ts";
import type { FakeBinding } from "./fake-binding.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import { fixedIds } from "./fixed-ids.ts";
import { MemoryLog } from "./memory-log.ts";
import { TrackedStream } from "./tracked-stream.ts";

/** A route of a plan under test. */
export interface RouteChoice extends Partial<Omit<RoutePlan, "match" | "bindings">> {
  readonly match?: Partial<RouteMatchPlan>;
  /** In any order; a binding object may stand on several routes. */
  readonly bindings?: readonly FakeBinding[];
  readonly authenticators?: readonly Authenticator[];
  readonly inboundSlots?: readonly CredentialSlot[];
  readonly fallbacks?: RunnableRoute["fallbacks"];
}

/** A plan made by hand of the real route table and the real transformations, with fake interceptors. */
export function planOf(routes: readonly RouteChoice[], upstream: FakeUpstream, revision = "rev-1"): RunnablePlan {
  const bindings = [...new Set(routes.flatMap((route) => route.bindings ?? []))].toSorted((a, b) =>
    compareBindings(a.plan, b.plan),
  );
  for (const [rank, each] of bindings.entries()) each.rank = rank;
  const runnable = routes.map((choice, index) => routeOf(choice, { name: `route-${index}`, bindings, upstream }));
  const plan: ExecutionPlan = {
    revision,
    routes: runnable.map((route) => route.plan),
    bindings: bindings.map((each) => each.plan),
    interceptors: [],
    upstreams: [],
    authenticators: [],
    hidden: { headers: ["authorization"], query: [], subprotocols: [] },
    warnings: [],
  };
  const table = routeTable(runnable.map((route) => ({ plan: route.plan, pattern: patternOf(route.plan.match.path), route })));
  const none = addressSet([]);
  if (!none.ok) throw new Error(none.error);
  const receive = ingress({ trustedProxies: { addresses: none.value, headers: "none" }, singleValued: new Set() });
  const ids = fixedIds();
  const namesOf = (part: "headers" | "query" | "labels"): ReadonlySet<string> =>
    new Set(plan.routes.flatMap(({ match }) => Object.keys(match[part])));
  return {
    plan,
    hidden: { headers: new Set(["authorization"]), query: new Set() },
    inputs: { headers: namesOf("headers"), query: namesOf("query"), labels: namesOf("labels") },
    match: table,
    receive: (received) => receive(received, ids),
    toClient: toClientResponse,
  };
}

interface RouteParts {
  readonly name: string;
  readonly bindings: readonly FakeBinding[];
  readonly upstream: FakeUpstream;
}

function routeOf(choice: RouteChoice, { name, bindings, upstream }: RouteParts): RunnableRoute {
  const { match, bindings: wanted = [], authenticators = [], inboundSlots = [], fallbacks = [], ...parts } = choice;
  const own = bindings.filter((each) => wanted.includes(each));
  const plan: RoutePlan = {
    name,
    listeners: ["main"],
    match: { hosts: [], path: "/**", methods: [], headers: {}, query: {}, labels: {}, ...match },
    authenticate: authenticators.length === 0 ? ["anonymous"] : authenticators.map((each) => each.name),
    upstream: "origin",
    labels: {},
    maxBodyBytes: 10 * 1024 * 1024,
    reviewBudgetMs: 2000,
    streaming: "auto",
    websocket: { idleMs: 300_000, maxMessageBytes: 16 * 1024 * 1024 },
    warnings: false,
    transcode: undefined,
    errorFormat: "problem",
    upstreamErrors: { client: "verbatim", server: "opaque" },
    cors: undefined,
    bindings: own.map((each) => bindings.indexOf(each)),
    guardedBy: [],
    ...parts,
  };
  return {
    plan,
    authenticators,
    allowsAnonymous: plan.authenticate.includes("anonymous"),
    upstream,
    fallbacks,
    holdUpstream: () => upstream.hold(),
    toUpstream: upstreamRequests({ inboundSlots, credential: undefined }),
    withoutCredentials: credentialsRemoved(inboundSlots),
    toClient: shownResponses(plan),
    cors: plan.cors === undefined ? undefined : cors(plan.cors),
    ...routeBindings(bindings)(plan.bindings),
    instruments: { request: () => ({ add() {} }), duration: { observe() {} }, overhead: { observe() {} } },
  };
}

function patternOf(source: string): Parameters<typeof routeTable>[0][number]["pattern"] {
  const parsed = parsePathPattern(source);
  if (!parsed.ok) throw new Error(`bad pattern ${source}`);
  return parsed.value;
}

/** A request of a test. */
export interface RequestChoice {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ByteStream | string;
  /** The client has left before the gateway turns to its request. */
  readonly gone?: boolean;
}

/** What came back, read to its end. */
export interface Reply {
  readonly status: number;
  /** Lower-case name to joined value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The problem body; `{}` where there is none. */
  readonly problem: Readonly<Record<string, unknown>>;
  readonly record: ExchangeRecord;
}

/** One exchange on its way. */
export interface Flying {
  readonly answer: Promise<Answer>;
  /** The client goes. */
  leave(): void;
  /** Reads the response to its end and tells so. */
  reply(): Promise<Reply>;
}

/** The pipeline with everything around it faked. */
export class Scene {
  readonly clock = new FakeClock();
  readonly log = new MemoryLog();
  readonly records: ExchangeRecord[] = [];
  readonly upstream = new FakeUpstream();
  readonly observations: Observation[] = [];
  readonly shadows: Observation[] = [];
  /** Streams taken in by the fake registry, in order. */
  readonly streams: LongLivedStream[] = [];
  /** Of those, how many were left since. */
  left = 0;
  /** Whether the fake registry takes another one. */
  takesStreams = true;
  /** Let in by the fake turnstile and not out again. */
  underWay = 0;
  /** Why the fake turnstile lets nobody in; undefined: it lets everybody. */
  sheds: ShedReason | undefined;
  /** How WebSockets ended, in order. */
  readonly tunnelEnds: TunnelEnd[] = [];
  readonly tunnels = new OpenTunnels({ clock: this.clock, onEnd: (end) => void this.tunnelEnds.push(end), maxTunnels: 2 });
  readonly room: CaptureRoom;
  readonly holder: PlanHolder;
  retired = 0;
  readonly handle: Handle;

  constructor(
    routes: readonly RouteChoice[] | ((scene: { readonly clock: FakeClock }) => readonly RouteChoice[]) = [{}],
    options: { readonly roomBytes?: number } = {},
  ) {
    this.room = new CaptureRoom(options.roomBytes ?? 256 * 1024 * 1024);
    const list = typeof routes === "function" ? routes(this) : routes;
    this.holder = new PlanHolder(this.generation(planOf(list, this.upstream)));
    this.handle = pipeline({
      plans: this.holder,
      clock: this.clock,
      ids: fixedIds(),
      turnstile: { enter: () => this.#turn() },
      log: this.log,
      captured: this.room,
      shadows: { enqueue: (review) => void this.shadows.push(review) },
      observers: { enqueue: (observation) => void this.observations.push(observation) },
      longLived: { enter: (stream) => this.#enter(stream) },
      tunnels: this.tunnels,
      onRecord: (record) => void this.records.push(record),
    });
  }

  #turn(): Entered | ShedReason {
    if (this.sheds !== undefined) return this.sheds;
    this.underWay += 1;
    return { leave: () => void (this.underWay -= 1) };
  }

  #enter(stream: LongLivedStream): (() => void) | undefined {
    if (!this.takesStreams) return undefined;
    this.streams.push(stream);
    return () => void (this.left += 1);
  }

  generation(plan: RunnablePlan): { readonly plan: RunnablePlan; readonly retire: () => Promise<void> } {
    return {
      plan,
      retire: () => {
        this.retired += 1;
        return Promise.resolve();
      },
    };
  }

  begin(choice: RequestChoice = {}): Flying {
    const cancel = new CancelSource();
    if (choice.gone === true) cancel.abort();
    const answer = this.handle(receivedOf(choice), cancel);
    return {
      answer,
      leave: () => cancel.abort(),
      reply: async () => this.#read(await this.until(answer)),
    };
  }

  async send(choice: RequestChoice = {}): Promise<Reply> {
    return this.begin(choice).reply();
  }

  /** Waits for something, letting time pass in small steps while only time can bring it on. */
  async until<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const watch = (): void => void (over = true);
    work.then(watch, watch);
    for (let turns = 0; turns < 20_000; turns += 1) {
      await turn();
      if (over) return work;
      this.clock.advance(5);
    }
    throw new Error("it never happened");
  }

  async #read(answer: Answer): Promise<Reply> {
    const { response } = answer;
    const sink = new RecordingSink();
    let sent: Sent = { bytes: 0, completed: true };
    if (isStream(response.body)) {
      response.body.pipe(sink);
      const over = await sink.over;
      sent =
        over.kind === "ended"
          ? { bytes: sink.byteCount, completed: true }
          : { bytes: sink.byteCount, completed: false, cause: over.cause, bodyBroke: true };
    } else if (response.body !== undefined) {
      sink.write(response.body);
      sent = { bytes: response.body.byteLength, completed: true };
    }
    answer.onSent(sent);
    await turn();
    const record = this.records.at(-1);
    if (record === undefined) throw new Error("the exchange left no record");
    const headers: Record<string, string> = {};
    for (const name of response.headers.names()) headers[name] = response.headers.joined(name) ?? "";
    const isProblem = headers["content-type"] === "application/problem+json";
    return { status: response.status, headers, text: sink.text, problem: isProblem ? JSON.parse(sink.text) : {}, record };
  }
}

/** Lets everything that needs no time happen. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

function receivedOf({ method = "GET", target = "/", headers = {}, body }: RequestChoice): Received {
  const stream = typeof body === "string" ? new TrackedStream([body]) : body;
  return {
    method,
    requestTarget: target,
    headers: HeaderLines.fromRaw(["host", "api.example", ...Object.entries(headers).flat()]),
    body: stream,
    scheme: "http",
    listener: "main",
    peerAddress: "192.0.2.7",
    tlsSubject: "",
  };
}
