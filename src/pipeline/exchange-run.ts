import type { Phase } from "@sallyport/contract/phase.ts";
import type { Exchange, RequestHead, Response } from "../model/exchange.ts";
import type { ReviewRecord } from "../model/exchange-record.ts";
import type { Closing, Term } from "../ports/long-lived.ts";
import type { RunnableBinding, RunnablePlan, RunnableRoute } from "../ports/runnable-plan.ts";
import type { Entered } from "../ports/turnstile.ts";
import { BodySource } from "./body-source.ts";
import { BudgetLedger } from "./budget-ledger.ts";
import type { PipelineDeps } from "./deps.ts";
import type { StageEnd } from "./ending.ts";
import { HeldRoom } from "./held-room.ts";
import type { KeptCopy } from "./kept-copy.ts";
import { inPlanOrder } from "./place.ts";
import { PlanHold } from "./plan-hold.ts";
import { selectsPrincipal } from "./select-binding.ts";
import type { TunnelPlace } from "../ports/tunnels.ts";
import type { Agreement } from "../support/websocket-handshake.ts";
import type { WebSocketRelay } from "./websocket-relay.ts";
import type { ShadowTurns } from "./shadow-turns.ts";

/** What the gateway keeps beside one exchange while it runs. Owned by `handle`, dropped when the response is done. What only reviews need is made when one is due. */
export class ExchangeRun {
  /** Of the plan it runs on. */
  readonly revision: string;
  readonly deps: PipelineDeps;
  /** Monotonic, when the head was received. */
  readonly startedMs: number;
  /** The client asks for a WebSocket; whether it can have one depends on the route. */
  readonly asksForWebSocket: boolean;
  /** It asks for nothing else: an ordinary answer of status 2xx would be taken for it. */
  readonly upgradeOnly: boolean;
  /** Stands for the listener it came in by, of what asks for a WebSocket. */
  readonly listenerKey: object | undefined;
  /** The client's own head, before any patch: what authenticators read (C2). */
  readonly original: RequestHead;
  readonly reviews: ReviewRecord[] = [];
  /** The exchange as patched so far; replaced whole. */
  exchange: Exchange;
  /** A granted patch moved the request: a catch-up round is due (C2). */
  moved = false;
  /** A catch-up round is under way: no further move (C2). */
  catchingUp = false;
  /** Answer of a `respond` verdict at pre-route, in the place of forward (C12). */
  responded: { readonly response: Response; readonly by: string } | undefined;
  /** The phase the exchange ended in, if it ended in one. */
  endedIn: Phase | undefined;
  /** Owned headers that were taken out of what the client sent (C11). */
  stripped: ReadonlySet<string> = NO_NAMES;
  /** Routes it was matched on before a granted patch moved it (C1). */
  left: readonly RunnableRoute[] = NO_ROUTES;
  /** The request body went over this limit of its route while it was read. */
  overBytes: number | undefined;
  /** The request was handed to the upstream. */
  forwarded = false;
  /** Name of the upstream asked last in the place of the route's; undefined: none was. */
  fallback: string | undefined;
  upstreamMs = 0;
  /** Spent reading and decoding bodies for review: mostly waiting for whoever sends them. */
  captureMs = 0;
  /** Status of the response; 0 before there is one. */
  status = 0;
  /** The response is out; only its observers are still to be told. */
  isOver = false;
  /** Observers that were told the exchange is still open (C29). */
  noticed: ReadonlySet<RunnableBinding> | undefined;
  /** Takes back the notice that the exchange is still open; undefined while none is planned. */
  forgetNotice: (() => void) | undefined;
  /** Copies of bodies on their way, for observers (C29). */
  readonly copies: { request: KeptCopy | undefined; response: KeptCopy | undefined } = {
    request: undefined,
    response: undefined,
  };
  /** Shadow bindings; undefined as long as none matched and was sampled (C33). */
  shadows: ShadowTurns | undefined;
  /** Behind the id of every review: empty, or which re-review of an open stream this is (C36). */
  readonly again: string;
  /** What accepted verdicts said about their own end, by binding; undefined as long as none did (C36). */
  terms: Map<string, Term> | undefined;
  /** Takes its open stream out of those that are asked about again (C36); undefined where it is none of them. */
  leave: (() => void) | undefined;
  /** Room for the WebSocket it asks for; taken before its upstream is asked. */
  tunnelPlace: TunnelPlace | undefined;
  /** What its upstream agreed to, where that is a WebSocket. */
  agreement: Agreement | undefined;
  /** The open WebSocket it has become. */
  relay: WebSocketRelay | undefined;
  /** Its open stream was closed, and why (C36). */
  closing: Closing | undefined;
  /** Keeps the plan's resources open for what outlives the exchange. */
  readonly hold: PlanHold;
  /** Whom the request was let in by. */
  readonly entered: Entered | undefined;
  readonly #letGo: () => void;
  #plan: RunnablePlan | undefined;
  #route: RunnableRoute | undefined;
  /** What is left of the route when the plan is gone. */
  #leftRoute: BookedRoute | undefined;
  #place: readonly RunnableBinding[] = NOTHING;
  #matched: readonly RunnableBinding[] = NOTHING;
  #isAuthenticated = false;
  #phase: Phase | undefined;
  #settled: Map<Phase, Exchange> | undefined;
  #ran: Set<RunnableBinding> | undefined;
  #budget: BudgetLedger | undefined;
  #room: HeldRoom | undefined;
  #bodies: BodySource | undefined;

  constructor(beginning: Beginning) {
    this.#plan = beginning.plan;
    this.revision = beginning.plan.plan.revision;
    this.exchange = beginning.exchange;
    this.original = beginning.exchange.head;
    this.asksForWebSocket = beginning.exchange.protocol === "websocket";
    this.upgradeOnly = beginning.upgradeOnly ?? false;
    this.listenerKey = beginning.listenerKey;
    this.deps = beginning.deps;
    this.startedMs = beginning.startedMs;
    this.again = beginning.again ?? "";
    this.entered = beginning.entered;
    this.hold = new PlanHold(beginning.release);
    this.#letGo = this.hold.take();
  }

  /**
   * Takes a route, provisional or final (C1), and the bindings that match on it. Validators of a phase under way stay, since they judge
   * what matched before or after a move (C2); so do observers of phases that began, since they are owed the outcome (C29).
   */
  enter(route: RunnableRoute, bindings: readonly RunnableBinding[], shadows: readonly RunnableBinding[]): void {
    const kept = this.#matched.filter((binding) => this.#outlastsMove(binding) && !bindings.includes(binding));
    if (this.#route !== undefined && this.#route !== route) this.left = [...this.left, this.#route];
    this.#route = route;
    this.#place = bindings;
    this.#matched = kept.length === 0 ? bindings : inPlanOrder([...bindings, ...kept]);
    this.moved = false;
    this.shadows?.enter(shadows, this.#phase);
    if (!this.isReviewed) return;
    this.budget.plan(this.#matched, route.plan.reviewBudgetMs, (binding) => this.hasRun(binding));
    if (this.#isAuthenticated) this.#ruleOut();
  }

  #outlastsMove({ plan }: RunnableBinding): boolean {
    if (plan.mode === "observe") return this.#settled?.has(plan.phase) === true;
    return plan.mode === "validate" && plan.phase === this.#phase;
  }

  /** The plan it began with, until only its record is kept. */
  get plan(): RunnablePlan {
    if (this.#plan === undefined) throw new Error("the plan was let go");
    return this.#plan;
  }

  /** The route matched so far; entering one is the first thing that happens. */
  get route(): RunnableRoute {
    if (this.#route === undefined) throw new Error("no route was entered");
    return this.#route;
  }

  /** What the answer and the record need of the route, to the end; undefined before one matched. */
  get routeOrNone(): BookedRoute | undefined {
    return this.#route ?? this.#leftRoute;
  }

  /** Bindings whose static selectors match where the request stands (C1). */
  get place(): readonly RunnableBinding[] {
    return this.#place;
  }

  /** Bindings that review this exchange, in execution order over all phases: those of its place, and those a move left behind. */
  get matched(): readonly RunnableBinding[] {
    return this.#matched;
  }

  /** Whether any binding reviews this exchange, observers included. */
  get isReviewed(): boolean {
    return this.#matched.length > 0;
  }

  isReviewedAt(phase: Phase): boolean {
    return this.#matched.some(({ plan }) => plan.phase === phase);
  }

  /** From here on bindings know who calls; those that other principals select hold no reserve of time any more (C20). */
  principalKnown(): void {
    this.#isAuthenticated = true;
    if (this.isReviewed) this.#ruleOut();
  }

  #ruleOut(): void {
    this.budget.ruleOut((binding) => binding.plan.phase !== "pre-auth" && !selectsPrincipal(this.exchange.principal, binding));
  }

  /** A phase begins: from here on its observers are owed the outcome (C29). */
  beginPhase(phase: Phase): void {
    this.#phase = phase;
    this.settle(phase);
  }

  /** A phase is over. */
  endPhase(phase: Phase, ending: StageEnd): void {
    this.#phase = undefined;
    this.settle(phase);
    if (ending !== undefined) this.endedIn = phase;
    this.#bodies?.forgetViews();
  }

  /** Keeps the exchange as it stands for the observers of a phase (C29). */
  settle(phase: Phase): void {
    (this.#settled ??= new Map()).set(phase, this.exchange);
  }

  /** The settled exchange of a phase; undefined where it never began. */
  settledAt(phase: Phase): Exchange | undefined {
    return this.#settled?.get(phase);
  }

  /** A binding runs at most once per phase and exchange (C2); an entry of the plan is one (binding, phase). */
  hasRun(binding: RunnableBinding): boolean {
    return this.#ran?.has(binding) === true;
  }

  markRun(binding: RunnableBinding): void {
    (this.#ran ??= new Set()).add(binding);
  }

  /** Matching bindings of a phase in one mode that have not run. */
  due(phase: Phase, mode: RunnableBinding["plan"]["mode"]): readonly RunnableBinding[] {
    return this.#matched.filter((binding) => binding.plan.phase === phase && binding.plan.mode === mode && !this.hasRun(binding));
  }

  get budget(): BudgetLedger {
    return (this.#budget ??= new BudgetLedger());
  }

  /** Spent waiting in positions so far, milliseconds (C20). */
  get reviewMs(): number {
    return this.#budget?.spentMs ?? 0;
  }

  get bodies(): BodySource {
    return (this.#bodies ??= new BodySource(this.room));
  }

  /** What this exchange holds of the process's room for bodies (C24). */
  get room(): HeldRoom {
    return (this.#room ??= new HeldRoom(this.deps.captured));
  }

  /**
   * From here on only the record is left to make: the plan is let go, so that a generation may retire while a stream is open (C36). Not for
   * exchanges that observers or shadows are to be asked about. Captured bodies stay counted until the end: the upstream's call has them.
   */
  keepRecordOnly(): void {
    const { route } = this;
    this.#leftRoute = { plan: route.plan, instruments: route.instruments, cors: route.cors };
    this.#route = undefined;
    this.left = NO_ROUTES;
    this.#plan = undefined;
    this.#place = NOTHING;
    this.#matched = NOTHING;
    this.#settled = undefined;
    this.#ran = undefined;
    this.#bodies = undefined;
    this.#letGo();
  }

  /** Gives back everything; once, at the end. Bodies that are still being prepared get no room from here on. */
  release(): void {
    this.#room?.close();
    this.#letGo();
  }
}

/** A route as the end of an exchange knows it: its answer and its record. */
type BookedRoute = Pick<RunnableRoute, "plan" | "instruments" | "cors">;

/** What an exchange begins with. */
interface Beginning {
  readonly plan: RunnablePlan;
  /** Lets the plan go. */
  readonly release: () => void;
  readonly exchange: Exchange;
  readonly deps: PipelineDeps;
  /** Monotonic, when the head was received. */
  readonly startedMs: number;
  /** Left out: it is an ordinary request as well. */
  readonly upgradeOnly?: boolean | undefined;
  readonly listenerKey?: object | undefined;
  /** Of a re-review only. */
  readonly again?: string;
  /** Of a request; nobody else is counted. */
  readonly entered?: Entered;
}

const NOTHING: readonly RunnableBinding[] = [];

const NO_ROUTES: readonly RunnableRoute[] = [];

const NO_NAMES: ReadonlySet<string> = new Set();
