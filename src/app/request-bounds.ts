import type { GatewayConfig } from "../config/gateway-config.ts";
import { METRICS } from "../model/metrics-table.ts";
import type { Refusal } from "../model/problem.ts";
import type { Clock } from "../ports/clock.ts";
import type { Doorkeeper } from "../ports/doorkeeper.ts";
import type { Log } from "../ports/log.ts";
import type { Counter, Metrics } from "../ports/metrics.ts";
import { LoopDelay } from "./loop-delay.ts";

/** What is counted, and told. */
export interface BoundsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Longest silence between two log lines about requests turned away. */
const SHED_LOG_MS = 10_000;

/** Why a request was turned away, as metrics and log say it. */
type ShedReason = "requests" | "listener" | "loop_delay";

interface Door {
  readonly maxRequests: number;
  readonly shed: (reason: ShedReason) => Counter;
  underWay: number;
}

/**
 * Turns requests away at the door when more are under way than one listener or all together may have, or when the event loop has
 * been behind for half a second: 503 with `Retry-After` and nothing of the body read, so that those inside are served. The admin and
 * the status listener are not its doors. Bounds are set once per process; disposing ends the looking at the clock.
 */
export class RequestBounds implements Doorkeeper, Disposable {
  readonly #maxRequests: number;
  /** By listener's name: as many as the operator's file names. */
  readonly #doors: Map<string, Door>;
  readonly #delay: LoopDelay | undefined;
  readonly #deps: BoundsDeps;
  #underWay = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #sinceLogged = 0;

  constructor({ overload, listeners }: Pick<GatewayConfig, "overload" | "listeners">, deps: BoundsDeps) {
    this.#maxRequests = overload.maxRequests;
    this.#deps = deps;
    this.#delay = overload.loopDelayMs === undefined ? undefined : new LoopDelay(deps.clock, overload.loopDelayMs);
    this.#doors = new Map(listeners.map(({ name, limits }) => [name, this.#newDoor(name, limits.maxRequests)]));
  }

  begun(listener: string): void {
    this.#underWay += 1;
    this.#door(listener).underWay += 1;
  }

  over(listener: string): void {
    this.#underWay -= 1;
    this.#door(listener).underWay -= 1;
  }

  refusal(listener: string): Refusal | undefined {
    const door = this.#door(listener);
    const reason = this.#reason(door);
    if (reason === undefined) return undefined;
    door.shed(reason).add();
    this.#tell(listener, reason);
    return { problem: "gateway_overloaded", detail: "The gateway takes no more requests at the moment." };
  }

  [Symbol.dispose](): void {
    this.#delay?.[Symbol.dispose]();
  }

  /** One that was opened later has no bound of its own. */
  #door(listener: string): Door {
    const known = this.#doors.get(listener);
    if (known !== undefined) return known;
    const door = this.#newDoor(listener, Number.POSITIVE_INFINITY);
    this.#doors.set(listener, door);
    return door;
  }

  #newDoor(name: string, maxRequests: number): Door {
    const { metrics } = this.#deps;
    return { maxRequests, shed: (reason) => metrics.counter(METRICS.requestsShed, [name, reason]), underWay: 0 };
  }

  #reason(door: Door): ShedReason | undefined {
    if (this.#underWay > this.#maxRequests) return "requests";
    if (door.underWay > door.maxRequests) return "listener";
    return this.#delay?.isBehind === true ? "loop_delay" : undefined;
  }

  #tell(listener: string, reason: ShedReason): void {
    const { clock, log } = this.#deps;
    const nowMs = clock.nowMs();
    this.#sinceLogged += 1;
    if (nowMs - this.#loggedMs < SHED_LOG_MS) return;
    log.write("warn", "requests_shed", { listener, reason, count: this.#sinceLogged, under_way: this.#underWay });
    this.#loggedMs = nowMs;
    this.#sinceLogged = 0;
  }
}
