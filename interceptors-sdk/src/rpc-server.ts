/** How a call ends that is not answered; codes are gRPC's. */
export interface RpcStatus {
  readonly code: number;
  readonly details: string;
}

/** Who calls, as far as the transport knows. */
export interface RpcCaller {
  /** Path on the wire: `/package.Service/Method`. */
  readonly method: string;
  /** The same object for every call of one connection, and for no other; undefined where the transport does not show it. */
  readonly connection: object | undefined;
  /** The client certificate's subject alternative names, as Node writes them; undefined without one. Costs more than many a review. */
  alternativeNames(): string | undefined;
  /** The values of the call's `authorization` metadata. */
  authorization(): readonly unknown[];
}

/** One call, the same over every transport. Whatever is said behind its end is said to nobody. */
interface RpcCall extends RpcCaller {
  /** The one message that came with it. */
  readonly request: Uint8Array;
  /** Until when the caller waits, on the clock of `performance.now()`; Infinity: for ever. */
  readonly endsAtMs: number;
  /** The caller is gone. */
  readonly isCancelled: boolean;
  /** Told once when the caller goes before the end; one listener. A call that ended may be reported too. */
  onCancel(listener: () => void): void;
  /** Ends it without an answer, or behind what was sent. */
  fail(status: RpcStatus): void;
}

/** A call with one answer. */
export interface UnaryCall extends RpcCall {
  reply(message: Uint8Array): void;
}

/** A call with any number of answers. */
export interface StreamCall extends RpcCall {
  /** Says that it was taken, before there is a message. */
  begin(): void;
  /** `onSent` is told once the message has left, which a caller that does not read puts off. */
  send(message: Uint8Array, onSent: () => void): void;
  /** Ends it well, behind everything sent. */
  end(): void;
  /** Ends it at once: what has not left is dropped. */
  reset(): void;
}

/** What a server answers, by path on the wire. Messages are bytes. */
export interface RpcMethods {
  readonly unary: ReadonlyMap<string, (call: UnaryCall) => void>;
  readonly streaming: ReadonlyMap<string, (call: StreamCall) => void>;
}

/** What is known of a caller: that it may call, that the method is open to anybody, or why it is refused. */
export type RpcAdmission = "known" | "stranger" | RpcStatus;

/** TLS as a server does it: PEM texts. */
export interface TlsMaterial {
  /** Whose client certificates are accepted; undefined: no client is asked for one. */
  readonly ca: Buffer | undefined;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What a server is made with. */
export interface RpcServerTerms {
  readonly methods: RpcMethods;
  /** Asked of each call before its method is. By our own server when the call's headers are here, before anything of its message is kept. */
  readonly door: (caller: RpcCaller) => RpcAdmission | Promise<RpcAdmission>;
  /** Undefined: no TLS. */
  readonly tls: TlsMaterial | undefined;
  /** Encoded size of one message. */
  readonly maxMessageBytes: number;
  /** Calls at once on one connection; further ones are refused unseen. */
  readonly maxStreams: number;
  /** See `ServeOptions`; our own server only. */
  readonly maxUnfinishedBytes?: number;
  /** The same. */
  readonly arrivalMs?: number;
  /** A bug, ours or of the library. */
  readonly onFault: (thrown: unknown) => void;
}

/** Where a server is reached. */
export type RpcAddress =
  /** IPv6 without brackets; port 0 takes a free one. */
  { readonly host: string; readonly port: number } | { readonly path: string };

/** A gRPC server, whoever made it. */
export interface RpcServer {
  /** Resolves with the port, 0 for a path; rejects where it cannot be bound. Once. */
  listen(address: RpcAddress): Promise<number>;
  /** What connections are opened with from now on; those that are open stay. Throws on what cannot be used. */
  renewTls(material: TlsMaterial): void;
  /** No new connections and calls; resolves when those under way are answered. */
  drain(): Promise<void>;
  /** Ends everything at once, a drain too. */
  destroy(): void;
}
