import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Handle } from "../../ports/inbound.ts";
import type { Log } from "../../ports/log.ts";

/** What a listener needs from outside. */
export interface ListenerDeps {
  readonly handle: Handle;
  readonly log: Log;
  readonly clock: Clock;
  readonly ids: Ids;
}
