import type { Clock } from "../../ports/clock.ts";
import type { Doorkeeper } from "../../ports/doorkeeper.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Handle } from "../../ports/inbound.ts";
import type { Log } from "../../ports/log.ts";

/** What a listener needs from outside. */
export interface ListenerDeps {
  readonly handle: Handle;
  readonly log: Log;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Turns requests away when too much is under way. Default: nobody does. */
  readonly doorkeeper?: Doorkeeper;
}
