import type { Door, DoorParts, ServedConnection } from "../door.ts";
import { ClientLine, type LineParts } from "./client-line.ts";
import { DateLine } from "./date-line.ts";
import { HeadBlocks } from "./head-blocks.ts";
import { WatchOver } from "./watch-over.ts";

/** A door over our own codec. */
export function http1Door(parts: DoorParts): Door {
  return new Http1Door(parts);
}

class Http1Door implements Door {
  readonly #shared: LineParts;

  constructor({ settings, deps, refuse }: DoorParts) {
    const { limits } = settings;
    const lookEveryMs = Math.min(1_000, Math.max(20, Math.ceil(Math.min(limits.headerTimeoutMs, limits.idleMs) / 4)));
    this.#shared = {
      settings,
      deps,
      refuse,
      blocks: new HeadBlocks(limits),
      date: new DateLine(deps.clock),
      watch: new WatchOver(deps.clock, lookEveryMs),
    };
  }

  serve(served: ServedConnection): void {
    // its socket holds on to it
    void new ClientLine(served, this.#shared);
  }

  closed(): void {
    this.#shared.watch.close();
  }
}
