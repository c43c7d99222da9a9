import { prepareListener, type HttpListener } from "../adapters/inbound/http-listener.ts";
import type { ListenerDeps } from "../adapters/inbound/listener-deps.ts";
import type { ListeningSocket } from "../adapters/inbound/listening-socket.ts";
import type { GatewayConfig, ListenerConfig } from "../config/gateway-config.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { PlanHolder } from "./plan-holder.ts";
import { isStricter, sameness, settingsOf, type PemFrom } from "./listeners.ts";

/** Which listeners there are, and whom they may bring. */
export type ListenersConfig = Pick<GatewayConfig, "listeners" | "trustedProxies">;

/** Listeners that are ready to take the place of others. One of the two is called, once. */
export interface ListenerChange {
  /** Has `swap` put the plan in force that knows them, hands connections to those that are new, and lets those go that are no more. */
  commit(swap: () => void): void;
  /** Nothing was changed, and nothing stays open of it. */
  abandon(): Promise<void>;
}

/** What the listeners of a process are made with. */
export interface OpenListenersDeps extends ListenerDeps, Pick<PemFrom, "readFile"> {
  readonly plans: Pick<PlanHolder, "keepFor" | "letGo">;
  /** How long one that goes may take to finish, milliseconds. */
  readonly drainMs: () => number;
  /** One goes, and has this long: what would stay open for longer has to be ended in words. `key` stands for it in what came in by it. */
  readonly onLeaving: (key: object, drainMs: number) => void;
}

/** One that is open, and what it was opened by. */
interface Open {
  readonly config: ListenerConfig;
  readonly sameness: string;
  readonly listener: HttpListener;
}

/**
 * The listeners of one process: opened together, changed together, drained together. One that did not change keeps its socket and its
 * connections. One that did gives its socket to its successor where the address is the same, so that nobody is refused, and finishes what it has;
 * requests on the connections of one that is no more are served by the last plan that knew it.
 */
export class OpenListeners {
  readonly #deps: OpenListenersDeps;
  #open: readonly Open[] = [];
  /** Those that finish. */
  readonly #leaving = new Map<HttpListener, Promise<void>>();
  #isClosed = false;

  constructor(deps: OpenListenersDeps) {
    this.#deps = deps;
  }

  /** Those that take connections, in the order of the file. */
  get all(): readonly HttpListener[] {
    return this.#open.map(({ listener }) => listener);
  }

  /** What they were opened by. */
  get configs(): readonly ListenerConfig[] {
    return this.#open.map(({ config }) => config);
  }

  /** Open connections by name, those included of listeners that finish. */
  connections(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { name, connectionCount } of [...this.all, ...this.#leaving.keys()])
      counts.set(name, (counts.get(name) ?? 0) + connectionCount);
    return counts;
  }

  /** Opens what is new or changed, without taking a connection. The error names the listener that cannot be opened; nothing is then open that was not before. */
  async prepare(config: ListenersConfig): Promise<Result<ListenerChange, string>> {
    if (this.#isClosed) return err("the gateway is closing");
    const next: Open[] = [];
    const sockets: ListeningSocket[] = [];
    for (const listener of config.listeners) {
      const wanted = sameness(listener, config.trustedProxies);
      const kept = this.#open.find((each) => each.sameness === wanted);
      try {
        const opened = kept?.listener ?? (await this.#prepareOne(listener, config, sockets));
        next.push({ config: listener, sameness: wanted, listener: opened });
      } catch (error) {
        await this.#abandon(next);
        return err(error instanceof Error ? error.message : String(error));
      }
    }
    return ok({ commit: (swap) => this.#commit(next, swap), abandon: () => this.#abandon(next) });
  }

  /** Has each read its certificates again. */
  async renewCertificates(onUnusable: (listener: string, message: string) => void): Promise<void> {
    for (const listener of this.all) {
      const renewed = await listener.renewCertificates();
      if (!renewed.ok) onUnusable(listener.name, renewed.error);
    }
  }

  /** Takes nothing new, and cuts what is not finished after `drainMs`. Resolves when the last connection is gone. */
  async drain(drainMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.all([
      ...this.all.map((listener) => listener.drain(drainMs)),
      ...this.#leaving.keys().map((listener) => listener.drain(drainMs)),
    ]);
  }

  async #prepareOne(
    config: ListenerConfig,
    { trustedProxies }: ListenersConfig,
    taken: ListeningSocket[],
  ): Promise<HttpListener> {
    const socket = this.#open.find((each) => isSamePlace(each.config, config) && !taken.includes(each.listener.socket))?.listener
      .socket;
    const listener = await prepareListener(settingsOf(config, trustedProxies.cidrs, this.#deps), this.#deps, socket);
    taken.push(listener.socket);
    return listener;
  }

  #commit(next: readonly Open[], swap: () => void): void {
    const isFirst = this.#open.length === 0;
    const gone = this.#open.filter(({ listener }) => !next.some((each) => each.listener === listener));
    const names = new Set(next.map(({ config }) => config.name));
    const removed = gone.filter(({ config }) => !names.has(config.name)).map(({ config }) => config.name);
    for (const name of removed) this.#deps.plans.keepFor(name);
    for (const name of names) this.#deps.plans.letGo(name);
    swap();
    const added = next.filter(({ listener }) => !this.all.includes(listener));
    this.#open = next;
    for (const { listener } of added) listener.begin();
    for (const each of gone) this.#leave(each);
    if (!isFirst) this.#tell("listener_opened", added);
    this.#tell("listener_leaving", gone);
    // it was closed while this was prepared
    if (this.#isClosed) for (const { listener } of added) void listener.drain(this.#deps.drainMs());
  }

  #leave({ listener, config }: Open): void {
    const drainMs = this.#deps.drainMs();
    this.#deps.onLeaving(listener.key, drainMs);
    const successor = this.#open.find(({ listener: { name } }) => name === listener.name)?.config;
    // the plan in force may rely on what the connections of its listener have shown
    const begins = successor !== undefined && isStricter(config, successor) ? "nothing" : "what-arrives";
    const done = listener.drain(drainMs, begins).finally(() => {
      this.#leaving.delete(listener);
      const isNamed = [...this.all, ...this.#leaving.keys()].some(({ name }) => name === listener.name);
      if (!isNamed) this.#deps.plans.letGo(listener.name);
    });
    this.#leaving.set(listener, done);
  }

  #tell(event: string, listeners: readonly Open[]): void {
    for (const { listener } of listeners) {
      const { name, scheme, address } = listener;
      this.#deps.log.write("info", event, { listener: name, scheme, ...address });
    }
  }

  /** Closes what was opened for a change that is not made. */
  async #abandon(next: readonly Open[]): Promise<void> {
    const kept = new Set(this.#open.map(({ listener }) => listener.socket));
    for (const { listener } of next) {
      if (this.all.includes(listener)) continue;
      if (!kept.has(listener.socket)) listener.socket.leave(undefined);
      listener.forget();
    }
  }
}

/** Whether the second can take over the socket of the first: where the system chooses the port, only the same listener can. */
function isSamePlace({ name, address }: ListenerConfig, other: ListenerConfig): boolean {
  if ("path" in address || "path" in other.address)
    return (
      "path" in address && "path" in other.address && address.path === other.address.path && address.mode === other.address.mode
    );
  if (address.host !== other.address.host || address.port !== other.address.port) return false;
  return address.port !== 0 || name === other.name;
}
