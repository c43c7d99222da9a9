import type { Socket } from "node:net";
import type { Peer } from "../inbound-exchange.ts";
import type { Line } from "../line.ts";
import { Http2Line, type Http2Shared } from "./http2-line.ts";

/** Makes exchanges of what arrives on HTTP/2 connections, and looks after these. */
export class Http2Door {
  readonly #parts: Http2Shared;
  readonly #lines = new Set<Http2Line>();
  readonly #lookEveryMs: number;
  #stop: (() => void) | undefined;

  constructor(parts: Http2Shared) {
    const { headerTimeoutMs, bodyIdleMs, idleMs } = parts.settings.limits;
    this.#parts = parts;
    this.#lookEveryMs = Math.min(500, Math.max(20, Math.ceil(Math.min(headerTimeoutMs, bodyIdleMs, idleMs) / 4)));
  }

  /** Takes a connection whose client speaks HTTP/2. */
  serve(socket: Socket, peer: Peer): Line {
    const line = new Http2Line({ ...this.#parts, socket, peer });
    this.#lines.add(line);
    socket.once("close", () => this.#lines.delete(line));
    if (this.#stop === undefined) this.#lookLater();
    return line;
  }

  /** No connection is left, and none will come. */
  closed(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #lookLater(): void {
    this.#stop = this.#parts.deps.clock.after(this.#lookEveryMs, () => {
      const nowMs = this.#parts.deps.clock.nowMs();
      for (const line of this.#lines) line.look(nowMs);
      this.#stop = undefined;
      if (this.#lines.size > 0) this.#lookLater();
    });
  }
}
