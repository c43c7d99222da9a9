import type { Socket } from "node:net";
import type { Peer } from "../inbound-exchange.ts";
import type { Line } from "../line.ts";
import { Http2Line, type Http2Shared } from "./http2-line.ts";

/** How often a connection is looked at that is new, or whose client sends much of no effect: what a flood costs is bounded by it (R16). */
const SOON_MS = 50;

/** How long one is looked at so often. */
const WATCHED_MS = 1_000;

/** Makes exchanges of what arrives on HTTP/2 connections, and looks after these. */
export class Http2Door {
  readonly #parts: Http2Shared;
  readonly #lines = new Set<Http2Line>();
  /** Those that are looked at often, and until when; among `#lines`. */
  readonly #watched = new Map<Http2Line, number>();
  readonly #lookEveryMs: number;
  #lookedMs = 0;
  #stop: (() => void) | undefined;

  constructor(parts: Http2Shared) {
    const { headerTimeoutMs, bodyIdleMs, idleMs } = parts.settings.limits;
    this.#parts = parts;
    this.#lookEveryMs = Math.min(500, Math.max(20, Math.ceil(Math.min(headerTimeoutMs, bodyIdleMs, idleMs) / 4)));
  }

  /** Takes a connection whose client speaks HTTP/2. */
  serve(socket: Socket, peer: Peer): Line {
    const line = new Http2Line({ ...this.#parts, socket, peer });
    const nowMs = this.#parts.deps.clock.nowMs();
    if (this.#lines.size === 0) this.#lookedMs = nowMs;
    this.#lines.add(line);
    this.#watched.set(line, nowMs + WATCHED_MS);
    socket.once("close", () => {
      this.#lines.delete(line);
      this.#watched.delete(line);
    });
    // whoever is looked at late is looked at sooner now
    if (this.#watched.size === 1) this.#lookLater();
    return line;
  }

  /** No connection is left, and none will come. */
  closed(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #lookLater(): void {
    const { clock } = this.#parts.deps;
    this.#stop?.();
    const dueMs = Math.max(1, this.#lookedMs + this.#lookEveryMs - clock.nowMs());
    this.#stop = clock.after(this.#watched.size > 0 ? Math.min(SOON_MS, dueMs) : dueMs, () => {
      this.#stop = undefined;
      this.#look(clock.nowMs());
      if (this.#lines.size > 0) this.#lookLater();
    });
  }

  #look(nowMs: number): void {
    for (const [line, untilMs] of this.#watched) {
      line.look(nowMs);
      if (line.isBusy) this.#watched.set(line, nowMs + WATCHED_MS);
      else if (nowMs >= untilMs) this.#watched.delete(line);
    }
    if (nowMs < this.#lookedMs + this.#lookEveryMs) return;
    this.#lookedMs = nowMs;
    for (const line of this.#lines) {
      if (this.#watched.has(line)) continue;
      line.look(nowMs);
      if (line.isBusy) this.#watched.set(line, nowMs + WATCHED_MS);
    }
  }
}
