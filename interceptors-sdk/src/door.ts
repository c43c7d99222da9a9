import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import type { Result } from "@sallyport/contract/result.ts";
import { ClientNames } from "./client-name.ts";
import type { GatewayTokens, TokenFault } from "./gateway-tokens.ts";
import type { Log } from "./log.ts";
import type { RpcCaller } from "./rpc-server.ts";

/** Who may ask for reviews. */
export interface DoorTerms {
  /** Names of which a client certificate must carry one; undefined: TLS alone decides. */
  readonly clientNames: readonly string[] | undefined;
  /** Undefined: no token is asked for. */
  readonly tokens: Pick<GatewayTokens, "check"> | undefined;
  readonly log: Log;
}

/** A refused call, as gRPC tells it. Neither is a verdict: the gateway meets it with its failure policy (C15). */
export interface RefusedCall {
  readonly code: typeof STATUS.PERMISSION_DENIED | typeof STATUS.UNAUTHENTICATED;
  readonly details: string;
}

/** Lets gateways in, and nobody else. */
export class Door {
  readonly #terms: DoorTerms;
  readonly #clientNames: ClientNames;
  #unauthenticated = 0;

  constructor(terms: DoorTerms) {
    this.#terms = terms;
    this.#clientNames = new ClientNames(terms.clientNames);
  }

  /** Calls whose token was refused. */
  get unauthenticated(): number {
    return this.#unauthenticated;
  }

  /** Whether the call is welcome, or why not. A check that breaks refuses. Never throws, never rejects. */
  admission(call: RpcCaller): "known" | RefusedCall | Promise<"known" | RefusedCall> {
    const { tokens } = this.#terms;
    if (!this.#isKnown(call)) return STRANGER;
    if (tokens === undefined) return "known";
    try {
      const checked = tokens.check(call.authorization());
      return checked instanceof Promise ? this.#later(call, checked) : this.#judged(call, checked);
    } catch {
      return this.#unproven(call, "malformed");
    }
  }

  async #later(call: RpcCaller, checked: Promise<Result<void, TokenFault>>): Promise<"known" | RefusedCall> {
    try {
      return this.#judged(call, await checked);
    } catch {
      return this.#unproven(call, "malformed");
    }
  }

  #judged(call: RpcCaller, checked: Result<void, TokenFault>): "known" | RefusedCall {
    return checked.ok ? "known" : this.#unproven(call, checked.error);
  }

  #isKnown(call: RpcCaller): boolean {
    try {
      return this.#clientNames.admit(call);
    } catch {
      // the connection went while it was looked at
      return false;
    }
  }

  #unproven(call: RpcCaller, fault: TokenFault): RefusedCall {
    this.#unauthenticated += 1;
    this.#terms.log({ level: "warn", message: "call refused", method: call.method, reason: `the gateway's token: ${fault}` });
    return { code: STATUS.UNAUTHENTICATED, details: `the gateway's token: ${fault}` };
  }
}

const STRANGER: RefusedCall = {
  code: STATUS.PERMISSION_DENIED,
  details: "the client certificate names no gateway known here",
};
