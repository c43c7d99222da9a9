import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls, type PeerCertificate, type SecureContext } from "node:tls";

/** Where to connect, and how. */
export interface SocketTerms {
  readonly address:
    { readonly kind: "tcp"; readonly host: string; readonly port: number } | { readonly kind: "unix"; readonly path: string };
  /** Undefined: no TLS. */
  readonly tls: ClientTls | undefined;
  /** Asked before each connect and after it; undefined: TLS, or nobody, decides. */
  readonly guard: ConnectionGuard | undefined;
}

/** TLS with our certificate and theirs. */
export interface ClientTls {
  readonly secureContext: SecureContext;
  /** Sent as SNI. */
  readonly serverName: string;
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
  const check = await guard?.before();
  if (check?.ok === false) return { kind: "refused", reason: check.error };
  if (signal.aborted) return unreachable("gave up");
  const socket = address.kind === "unix" ? connectSocket(address.path) : connectSocket(address.port, address.host);
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const connected = await settled(socket, "connect");
    if (connected !== undefined) return unreachable(connected);
    socket.setNoDelay(true);
    const mayUse = await check?.value(socket);
    if (mayUse?.ok === false) return refuse(socket, mayUse.error);
    if (socket.destroyed) return unreachable("the peer hung up");
    return tls === undefined ? { kind: "open", socket } : await secured(socket, tls);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function secured(socket: Socket, { secureContext, serverName, checkServerIdentity }: ClientTls): Promise<Opened> {
  const secure = connectTls({ socket, secureContext, servername: serverName, checkServerIdentity, ALPNProtocols: ["h2"] });
  const done = await settled(secure, "secureConnect");
  if (done !== undefined) return refuse(socket, `TLS: ${done}`);
  // without it the other side may take our first bytes for another protocol
  if (secure.alpnProtocol !== "h2") return refuse(secure, "TLS: the peer does not agree on HTTP/2");
  return { kind: "open", socket: secure };
}

/** Names in a certificate are the peer's words, and go into the log. */
const MAX_REASON_CHARS = 500;

/** Undefined once `event` came; else why it will not. */
function settled(socket: Socket, event: "connect" | "secureConnect"): Promise<string | undefined> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve(undefined));
    // stays: an error that comes later must not end the process
    socket.on("error", (error) => resolve(error.message.slice(0, MAX_REASON_CHARS)));
    socket.once("close", () => resolve("the connection was closed"));
  });
}

const unreachable = (reason: string): NoSocket => ({ kind: "unreachable", reason });

function refuse(socket: Socket, reason: string): NoSocket {
  socket.destroy();
  return { kind: "refused", reason };
}
