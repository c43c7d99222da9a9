import { connect as connectSocket, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type PeerCertificate, type SecureContext } from "node:tls";

/** Where to connect, and how. */
export interface SocketTerms {
  readonly address: TcpAddress | { readonly kind: "unix"; readonly path: string };
  /** Undefined: no TLS. */
  readonly tls: ClientTls | undefined;
  /** Asked before each connect and after it; undefined: TLS, or nobody, decides. */
  readonly guard: ConnectionGuard | undefined;
}

/** A host, which may be a name. */
export interface TcpAddress {
  readonly kind: "tcp";
  readonly host: string;
  readonly port: number;
  /** What the name stands for; left out: the system is asked. Of several addresses the next is tried where one does not answer. */
  readonly lookup?: LookupFunction;
  /** How long one of several may take before the next is tried, milliseconds. Default: 500. */
  readonly nextAddressMs?: number;
}

/** TLS with our certificate and theirs. */
export interface ClientTls {
  readonly secureContext: SecureContext;
  /** Sent as SNI. */
  readonly serverName: string;
  /** What TLS has against the peer, or the peer against us, as a fragment for the log. */
  readonly describe: (error: Error) => string;
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/** Why there is no socket. `refused`: the peer was there and was not trusted. */
export interface NoSocket {
  readonly kind: "refused" | "unreachable";
  /** A fragment for the log. */
  readonly reason: string;
}

/** A socket, or why there is none. */
export type Opened = { readonly kind: "open"; readonly socket: Socket } | NoSocket;

/** Decides whether a connection may be made, and, given it, whether it may be used. Errors are fragments for the log. */
export interface ConnectionGuard {
  before(): Promise<Checked<(socket: Socket) => Promise<Checked<void>>>>;
}

type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** Opens a connection on which HTTP/2 can begin, guarded and, where asked for, under TLS. Aborting it closes whatever it came to. */
export async function openSocket({ address, tls, guard }: SocketTerms, signal: AbortSignal): Promise<Opened> {
  const check = await orGivenUp(guard?.before(), signal);
  if (signal.aborted) return TOO_LATE;
  if (check?.ok === false) return { kind: "refused", reason: check.error };
  const socket = address.kind === "unix" ? connectSocket(address.path) : connectTcp(address);
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const opened = await connected({ socket, mayUse: check?.value, tls, signal });
    if (opened.kind !== "open") socket.destroy();
    return opened;
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function connectTcp({ host, port, lookup, nextAddressMs = 500 }: TcpAddress): Socket {
  if (lookup === undefined) return connectSocket(port, host);
  return connectSocket({ host, port, lookup, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: nextAddressMs });
}

/** Where several addresses were tried the first tells enough. */
function reasonOf(failure: Error): string {
  const [first] = failure instanceof AggregateError ? failure.errors : [];
  return first instanceof Error ? first.message : failure.message;
}

interface Attempt {
  readonly socket: Socket;
  readonly mayUse: ((socket: Socket) => Promise<Checked<void>>) | undefined;
  readonly tls: ClientTls | undefined;
  readonly signal: AbortSignal;
}

async function connected({ socket, mayUse, tls, signal }: Attempt): Promise<Opened> {
  const failure = await settled(socket, "connect");
  if (signal.aborted) return TOO_LATE;
  if (failure !== undefined) return unreachable(reasonOf(failure).slice(0, MAX_REASON_CHARS));
  socket.setNoDelay(true);
  // the kernel asks after 10 s of silence, then every second, and gives up after ten questions
  socket.setKeepAlive(true, 10_000);
  const answer = await orGivenUp(mayUse?.(socket), signal);
  if (signal.aborted) return TOO_LATE;
  if (answer?.ok === false) return { kind: "refused", reason: answer.error };
  if (socket.destroyed) return unreachable("the peer hung up");
  if (tls === undefined) return { kind: "open", socket };
  const opened = await secured(socket, tls);
  return signal.aborted ? TOO_LATE : opened;
}

/** What a guard answers; undefined where it took longer than there is time. */
function orGivenUp<T>(answer: Promise<T> | undefined, signal: AbortSignal): Promise<T | undefined> {
  if (answer === undefined || signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(undefined);
    signal.addEventListener("abort", stop, { once: true });
    void answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

async function secured(socket: Socket, tls: ClientTls): Promise<Opened> {
  const { secureContext, serverName, checkServerIdentity } = tls;
  // said outright: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would else accept anybody
  const secure = connectTls({
    socket,
    secureContext,
    servername: serverName,
    checkServerIdentity,
    rejectUnauthorized: true,
    ALPNProtocols: ["h2"],
  });
  const done = await settled(secure, "secureConnect");
  if (done !== undefined) return refused(tls.describe(done));
  // without it the other side may take our first bytes for another protocol
  if (secure.alpnProtocol !== "h2") return refused("TLS: the peer does not agree on HTTP/2");
  return { kind: "open", socket: secure };
}

/** What the system says of a peer that is not there. */
const MAX_REASON_CHARS = 500;

/** Undefined once `event` came; else why it will not. */
function settled(socket: Socket, event: "connect" | "secureConnect"): Promise<Error | undefined> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve(undefined));
    // stays: an error that comes later must not end the process
    socket.on("error", resolve);
    socket.once("close", () => resolve(new Error("the connection was closed")));
  });
}

const unreachable = (reason: string): NoSocket => ({ kind: "unreachable", reason });

const refused = (reason: string): NoSocket => ({ kind: "refused", reason });

const TOO_LATE = unreachable("no connection in time");
