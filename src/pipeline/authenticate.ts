import { ANONYMOUS, type Principal } from "../model/principal.ts";
import type { Authentication } from "../ports/authenticator.ts";
import { refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";

/**
 * The route's authenticators in order, on the client's original head (C2). A credential that is present and bad ends the list: it is
 * never a fall-through to a weaker one (C13). A promise only where an authenticator gave one.
 */
export const authenticate = (run: ExchangeRun): StageEnd | Promise<StageEnd> => ask(run, 0);

function ask(run: ExchangeRun, index: number): StageEnd | Promise<StageEnd> {
  const authenticator = run.route.authenticators[index];
  if (authenticator === undefined) return unclaimed(run);
  const found = authenticator.authenticate(run.original);
  return found instanceof Promise ? found.then((late) => take(run, late, index)) : take(run, found, index);
}

function take(run: ExchangeRun, found: Authentication, index: number): StageEnd | Promise<StageEnd> {
  switch (found.kind) {
    case "principal":
      return adopt(run, found.principal);
    case "invalid":
      return refused("authenticate", { problem: "credential_invalid", detail: found.detail });
    case "absent":
      return ask(run, index + 1);
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
