import { type ServerUnaryCall, status } from "@grpc/grpc-js";
import { ClientNames } from "./client-name.ts";
import type { GatewayTokens, TokenFault } from "./gateway-tokens.ts";
import type { Log } from "./log.ts";

/** A call, as far as its caller is concerned. */
export type Caller = Pick<ServerUnaryCall<unknown, unknown>, "getAuthContext" | "metadata" | "getPath">;

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
  readonly code: status.PERMISSION_DENIED | status.UNAUTHENTICATED;
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

  /** Why the call is refused; undefined when it is welcome. A check that breaks refuses. Never rejects. */
  async refusal(call: Caller): Promise<RefusedCall | undefined> {
    const { tokens } = this.#terms;
    if (!this.#isKnown(call)) return STRANGER;
    if (tokens === undefined) return undefined;
    try {
      const checked = await tokens.check(call.metadata.get("authorization"));
      return checked.ok ? undefined : this.#unproven(call, checked.error);
    } catch {
      return this.#unproven(call, "malformed");
    }
  }

  #isKnown(call: Caller): boolean {
    try {
      return this.#clientNames.admit(call);
    } catch {
      // the connection went while it was looked at
      return false;
    }
  }

  #unproven(call: Caller, fault: TokenFault): RefusedCall {
    this.#unauthenticated += 1;
    this.#terms.log({ level: "warn", message: "call refused", method: call.getPath(), reason: `the gateway's token: ${fault}` });
    return { code: status.UNAUTHENTICATED, details: `the gateway's token: ${fault}` };
  }
}

const STRANGER: RefusedCall = {
  code: status.PERMISSION_DENIED,
  details: "the client certificate names no gateway known here",
};
