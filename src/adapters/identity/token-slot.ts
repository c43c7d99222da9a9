import { TOKEN_LEEWAY_MS } from "@sallyport/contract/gateway-token.ts";
import type { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { CallCredential } from "../../ports/call-credential.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { MintedToken } from "./mint-token.ts";

/** What a slot is filled by. */
export interface SlotDeps {
  readonly audience: string;
  readonly mint: () => Promise<MintedToken>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A token is replaced when this part of its life is over. */
const RENEW_AT = 4 / 5;

/** Pause after a token could not be signed, milliseconds. */
const RETRY_MS = 1_000;

/**
 * The token for one audience, replaced in place before it is out of date. A slot that is empty or out of date gives none, so that the
 * call is not made (C38). Asynchronously disposable, because it shares a pool with what is; a disposed slot is empty.
 */
export class TokenSlot implements CallCredential, AsyncDisposable {
  readonly #deps: SlotDeps;
  #held: MintedToken | undefined;
  #minting: Promise<void> | undefined;
  #stopTimer = (): void => {};
  #closed = false;

  constructor(deps: SlotDeps) {
    this.#deps = deps;
    this.#renew();
  }

  /** Settles when the first attempt to fill the slot is over. */
  async filled(): Promise<void> {
    await this.#minting;
  }

  token(): Result<Secret, string> {
    const nowMs = this.#deps.clock.wallMs();
    if (this.#held !== undefined && isValid(this.#held, nowMs)) return ok(this.#held.jwt);
    const reason = this.#held === undefined ? "there is no token for" : "the token is out of date for";
    // the machine slept, or its clock was set: the timer of the old time is no use
    if (this.#held !== undefined) this.#renew();
    return err(`${reason} ${this.#deps.audience}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#held = undefined;
    this.#stopTimer();
  }

  #renew(): void {
    if (this.#closed) return;
    this.#minting ??= this.#fill().finally(() => (this.#minting = undefined));
  }

  async #fill(): Promise<void> {
    this.#stopTimer();
    const { audience, clock, log, mint } = this.#deps;
    let pauseMs = RETRY_MS;
    try {
      const minted = await mint();
      if (this.#closed) return;
      this.#held = minted;
      const renewAtMs = minted.issuedAtMs + (minted.expiresAtMs - minted.issuedAtMs) * RENEW_AT;
      pauseMs = Math.max(renewAtMs - clock.wallMs(), 0);
    } catch (error) {
      log.write("error", "token_not_signed", { audience, reason: error instanceof Error ? error.message : "unknown error" });
    }
    if (!this.#closed) this.#stopTimer = clock.after(pauseMs, () => this.#renew());
  }
}

/** Within its life, also when the clock was set back: readers refuse what comes from the future. */
const isValid = ({ issuedAtMs, expiresAtMs }: MintedToken, nowMs: number): boolean =>
  nowMs < expiresAtMs && nowMs >= issuedAtMs - TOKEN_LEEWAY_MS;
