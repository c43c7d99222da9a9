import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { ListenerSettings, ListenerTls } from "./listener-settings.ts";
import { secureContextsOf, type SecureContexts } from "./tls-context.ts";

/** Who hears how handshakes end. */
export interface HandshakeEnds {
  onSecure(socket: TLSSocket): void;
  onFailed(error: Error): void;
}

/** Shakes hands on connections it is given; it never listens itself. */
export class TlsEntrance {
  readonly #server: Server;
  #contexts: SecureContexts;

  /** Rejects, naming the listener, when its certificates are of no use. */
  static async open(settings: ListenerSettings, tls: ListenerTls): Promise<TlsEntrance> {
    const pem = await tls.readPem();
    const contexts = pem.ok ? secureContextsOf(pem.value) : pem;
    if (!contexts.ok) throw new Error(`listener ${settings.name} has no usable certificate: ${contexts.error}`);
    return new TlsEntrance(contexts.value, settings, tls);
  }

  private constructor(
    contexts: SecureContexts,
    { limits, protocols = ["http1"] }: ListenerSettings,
    { clientCert }: ListenerTls,
  ) {
    this.#contexts = contexts;
    this.#server = createServer({
      ...contexts.options,
      requestCert: clientCert !== "none",
      // an optional one is checked after the handshake, because Node lets any pass there
      rejectUnauthorized: clientCert === "required",
      ALPNProtocols: [...(protocols.includes("http2") ? ["h2"] : []), ...(protocols.includes("http1") ? ["http/1.1"] : [])],
      handshakeTimeout: limits.headerTimeoutMs,
      // nobody found: what stands for everybody
      SNICallback: (name, found) => found(null, this.#contexts.named?.find(name)),
    });
  }

  /** Tells from now on how handshakes end. */
  tell(ends: HandshakeEnds): void {
    this.#server.on("secureConnection", (socket) => ends.onSecure(socket));
    this.#server.on("tlsClientError", (error) => ends.onFailed(error));
  }

  /** Shakes hands with a client that may have said something already: unshifted bytes are read first. */
  take(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  /** Handshakes from now on show other certificates. */
  renew(contexts: SecureContexts): void {
    this.#contexts = contexts;
    this.#server.setSecureContext(contexts.options);
  }
}
