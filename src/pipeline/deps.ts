import type { ExchangeRecord } from "../model/exchange-record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { LongLived } from "../ports/long-lived.ts";
import type { Observers } from "../ports/observers.ts";
import type { Ids } from "../ports/ids.ts";
import type { PlanSource } from "../ports/runnable-plan.ts";
import type { Turnstile } from "../ports/turnstile.ts";
import type { Tunnels } from "../ports/tunnels.ts";
import type { CaptureAllowance } from "./held-room.ts";

/** What the pipeline needs from outside, for the life of the process. */
export interface PipelineDeps {
  readonly plans: PlanSource;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** Lets requests in, or sheds them. */
  readonly turnstile: Turnstile;
  /** Bytes of bodies held for review or for their upstream, over all exchanges of the process (C24). */
  readonly captured: CaptureAllowance;
  readonly observers: Observers;
  /** Reviews of shadow bindings (C33): another queue, so that neither crowds the other out. */
  readonly shadows: Observers;
  /** Open streams that are asked about again (C36). */
  readonly longLived: LongLived;
  /** Open WebSockets (C26). */
  readonly tunnels: Tunnels;
  /** Takes the record of every exchange, once: access log and metrics. */
  readonly onRecord: (record: ExchangeRecord) => void;
}
