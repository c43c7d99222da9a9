/* oxlint-disable no-underscore-dangle -- the library's own names */
import type { Socket } from "node:net";
import { ChannelCredentials, type CallCredentials, type experimental } from "@grpc/grpc-js";
import type { Result } from "../../model/result.ts";
import { refusalReason } from "./refusal-reason.ts";

/** Decides whether a connection may be made, and whether it may be used. Errors are fragments for the log. */
export interface ConnectionGuard {
  /** Before every attempt to connect; gives the check of the connection that comes of it, made before its first byte. */
  before(): Promise<Result<CheckConnection, string>>;
}

/** Whether this connection may be used. */
export type CheckConnection = (socket: Socket) => Promise<Result<void, string>>;

/** What is done around the connects of a channel. */
export interface GuardTerms {
  /** Undefined: TLS, or nobody, decides. */
  readonly guard: ConnectionGuard | undefined;
  /** An attempt ended because the guard or TLS refused the peer; not told of peers that were not there. */
  readonly onRefused: (reason: string) => void;
}

/**
 * Channel credentials whose connections pass a guard before TLS and HTTP/2 see them. The client library has no public way to look at a
 * connection; of what it keeps to itself this is the one step it hands to credentials, and this file is the only one that knows. It
 * awaits `waitForReady` before each connect and gives `connect` the open socket before it writes to it: should another version not
 * do the first, every connection is refused, and `test/unit/adapters/review/guarded-credentials.test.ts` holds it to both.
 */
export function guardedCredentials(inner: ChannelCredentials, terms: GuardTerms): ChannelCredentials {
  return new GuardedCredentials(inner, terms);
}

class GuardedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #terms: GuardTerms;

  constructor(inner: ChannelCredentials, terms: GuardTerms) {
    super();
    this.#inner = inner;
    this.#terms = terms;
  }

  override compose(callCredentials: CallCredentials): ChannelCredentials {
    return new GuardedCredentials(this.#inner.compose(callCredentials), this.#terms);
  }

  _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  /** Connections are shared between equals, and each guard must see its own. */
  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(...args: Parameters<ChannelCredentials["_createSecureConnector"]>): experimental.SecureConnector {
    return guardedConnector(this.#inner._createSecureConnector(...args), this.#terms);
  }
}

function guardedConnector(inner: experimental.SecureConnector, { guard, onRefused }: GuardTerms): experimental.SecureConnector {
  let check: CheckConnection | undefined;
  return {
    async waitForReady() {
      check = undefined;
      await inner.waitForReady();
      if (guard !== undefined) check = takeOrRefuse(await guard.before(), onRefused);
    },
    async connect(socket) {
      // without a listener, a peer that hangs up during the check would end the process
      socket.on("error", () => {});
      // the kernel finds out that a silent peer is gone, unseen by the peer's gRPC library, which may take pings amiss
      socket.setKeepAlive(true, KEEPALIVE_MS);
      if (guard !== undefined) {
        const mayUse = check;
        check = undefined;
        if (mayUse === undefined) throw new Error("the connection was made without a check before it");
        takeOrRefuse(await mayUse(socket), onRefused);
        if (socket.destroyed) throw new Error("the peer hung up");
      }
      try {
        return await inner.connect(socket);
      } catch (error) {
        onRefused(refusalReason(error));
        throw error;
      }
    },
    getCallCredentials: () => inner.getCallCredentials(),
    destroy: () => inner.destroy(),
  };
}

/** Silence after which the kernel asks, each second then; after ten questions without an answer the connection is lost. */
const KEEPALIVE_MS = 10_000;

function takeOrRefuse<T>(outcome: Result<T, string>, onRefused: GuardTerms["onRefused"]): T {
  if (outcome.ok) return outcome.value;
  onRefused(outcome.error);
  throw new Error(outcome.error);
}
