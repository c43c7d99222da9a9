import type { Result } from "../../model/result.ts";
import type { EndpointState, EndpointStatus } from "../../ports/review-client.ts";
import { Breaker, type Attempt, type BreakerTerms } from "../../support/breaker.ts";
import { HealthWatch } from "./health-watch.ts";
import { InterceptorChannel, type ChannelDeps, type ChannelTerms } from "./interceptor-channel.ts";
import type { CallStatus } from "./status-to-failure.ts";
import { PacedLog } from "./watch/paced-log.ts";
import { WatchStream, type WatchListeners } from "./watch/watch-stream.ts";

/** What a link is made for. */
export interface LinkTerms extends ChannelTerms {
  readonly breaker: BreakerTerms;
  readonly receiveLimitBytes: number;
}

/** What a link needs of its channel. */
export type LinkChannel = Pick<
  InterceptorChannel,
  "connected" | "isReady" | "fault" | "receiveLimitBytes" | "call" | "stream" | "receiveUpTo" | "rotate" | "reconnect" | "close"
>;

/** Opens the channel of a link. */
export type OpenChannel = (terms: LinkTerms, deps: ChannelDeps) => LinkChannel;

/** What a link is made with. */
export interface LinkDeps extends Omit<ChannelDeps, "onReady" | "onLost"> {
  /** Connected, for the first time or again. */
  readonly onReady: (link: InterceptorLink) => void;
  /** An attempt failed, so that the breaker may have become due. */
  readonly onFailure: (link: InterceptorLink) => void;
  /** The breaker closed. */
  readonly onClosed: (link: InterceptorLink) => void;
  /** Who hears what the service says by `Watch`, and what we are called in asking for it. */
  readonly watch: { readonly gatewayId: string; readonly listeners: WatchListeners };
  /** Default: one over gRPC. */
  readonly openChannel?: OpenChannel;
}

const overGrpc: OpenChannel = (terms, deps) => new InterceptorChannel(terms, terms.receiveLimitBytes, deps);

/** What a link's manifest is to the one in force: not yet asked for on this connection, the same, another, or one that may not be in force. */
export type ManifestMatch = "unknown" | "same" | "other" | "refused";

/** How an attempt ended, as the breaker sees it; `none`: it tells nothing about the service. */
export type AttemptOutcome = "success" | "failure" | "none";

/** One endpoint of an interceptor: its connection, what it says of its health, and whether its answers come. */
export class InterceptorLink {
  readonly url: string;
  readonly channel: LinkChannel;
  readonly breaker: Breaker;
  readonly #health: HealthWatch;
  readonly #watch: WatchStream;
  readonly #deps: LinkDeps;
  #inFlight = 0;
  /** See `ManifestMatch`; set by whoever describes. */
  manifest: ManifestMatch = "unknown";
  /** Describes under way. */
  asking = 0;
  manifestFault: string | undefined;

  constructor(terms: LinkTerms, deps: LinkDeps) {
    this.url = terms.url;
    this.#deps = deps;
    this.breaker = new Breaker(terms.breaker, deps.clock);
    this.channel = (deps.openChannel ?? overGrpc)(terms, {
      ...deps,
      onReady: () => this.#ready(),
      onLost: (isOurs) => this.#lost(isOurs),
    });
    this.#health = new HealthWatch((...call) => this.channel.stream(...call), deps.clock);
    this.#watch = new WatchStream((...call) => this.channel.stream(...call), {
      ...deps.watch,
      clock: deps.clock,
      log: new PacedLog(deps.log, deps.clock, { interceptor: terms.name, endpoint: terms.url }),
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Connected, and the service did not say that it takes no calls; its breaker is another matter. */
  get isReachable(): boolean {
    return this.channel.connected && !this.#health.isNotServing;
  }

  /** Its `Watch` is open: what it revokes is heard. */
  get isWatched(): boolean {
    return this.#watch.isUp;
  }

  get state(): EndpointState {
    if (!this.channel.connected) return "connecting";
    if (this.breaker.state !== "closed") return this.breaker.state;
    return this.#health.isNotServing ? "not-serving" : "serving";
  }

  get status(): EndpointStatus {
    const fault = this.channel.fault ?? this.manifestFault;
    return { url: this.url, state: this.state, inFlight: this.#inFlight, ...(fault === undefined ? {} : { fault }) };
  }

  /** One attempt at a review. `counts`: its outcome is told to the breaker, which it may be the try of. */
  begin(counts: boolean): Place {
    this.#inFlight += 1;
    return new Place(this, counts ? this.breaker.begin() : undefined);
  }

  /** By `Place` only. */
  ended(attempt: Attempt | undefined, outcome: AttemptOutcome): void {
    this.#inFlight -= 1;
    if (attempt === undefined) return;
    // a connection that went away is its own reason not to be asked, and comes back by itself
    const told = outcome === "failure" && !this.channel.isReady ? "none" : outcome;
    if (this.breaker.end(attempt, told)) this.#deps.onClosed(this);
    else if (told === "failure") this.#deps.onFailure(this);
  }

  close(): void {
    this.#health.stop();
    this.#watch.stop();
    this.channel.close();
  }

  #ready(): void {
    this.#health.start();
    // before anybody describes: what changes meanwhile is then told
    this.#watch.start(this.asking > 0);
    this.#deps.onReady(this);
  }

  #lost(isOurs: boolean): void {
    this.#health.stop();
    this.#watch.stop();
    this.manifest = "unknown";
    this.manifestFault = undefined;
    // what comes back is not what failed, unless it was we who hung up
    if (!isOurs && this.breaker.reset()) this.#deps.onClosed(this);
  }
}

/** An attempt's place at a link, from before the call until its end. */
export class Place {
  readonly link: InterceptorLink;
  readonly #attempt: Attempt | undefined;
  #over = false;

  constructor(link: InterceptorLink, attempt: Attempt | undefined) {
    this.link = link;
    this.#attempt = attempt;
  }

  /** One call; see `InterceptorChannel.call`. */
  call(...call: Parameters<InterceptorLink["channel"]["call"]>): Result<() => void, CallStatus> {
    return this.link.channel.call(...call);
  }

  /** Gives the place back; the first end counts. */
  end(outcome: AttemptOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.link.ended(this.#attempt, outcome);
  }
}
