import type { Cancel } from "../model/cancel.ts";
import { ANONYMOUS, type Principal } from "../model/principal.ts";
import type { Authentication } from "../ports/authenticator.ts";
import { CLIENT_GONE, refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { unlessCancelled } from "./unless-cancelled.ts";

/**
 * The route's authenticators in order, on the client's original head (C2). A credential that is present and bad ends the list: it is
 * never a fall-through to a weaker one (C13). A promise only where an authenticator gave one; nobody waits for it longer than the client.
 */
export const authenticate = (run: ExchangeRun, cancel: Cancel): StageEnd | Promise<StageEnd> => ask(run, { index: 0, cancel });

/** Which authenticator is next, and who waits for it. */
interface Turn {
  readonly index: number;
  readonly cancel: Cancel;
}

function ask(run: ExchangeRun, turn: Turn): StageEnd | Promise<StageEnd> {
  const authenticator = run.route.authenticators[turn.index];
  if (authenticator === undefined) return unclaimed(run);
  const found = authenticator.authenticate(run.original);
  if (!(found instanceof Promise)) return take(run, found, turn);
  return unlessCancelled(found, turn.cancel).then((late) => (late === undefined ? CLIENT_GONE : take(run, late, turn)));
}

function take(run: ExchangeRun, found: Authentication, { index, cancel }: Turn): StageEnd | Promise<StageEnd> {
  switch (found.kind) {
    case "principal":
      return adopt(run, found.principal);
    case "invalid":
      return refused("authenticate", { problem: "credential_invalid", detail: found.detail });
    case "absent":
      return ask(run, { index: index + 1, cancel });
    default:
      return found satisfies never;
  }
}

function unclaimed(run: ExchangeRun): StageEnd {
  if (run.route.allowsAnonymous) return adopt(run, ANONYMOUS);
  return refused("authenticate", { problem: "credential_missing", detail: "This route requires a credential." });
}

function adopt(run: ExchangeRun, principal: Principal): undefined {
  if (run.exchange.principal !== principal) run.exchange = { ...run.exchange, principal };
  run.principalKnown();
  return undefined;
}
