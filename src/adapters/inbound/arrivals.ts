import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { plainAddress } from "../../support/cidr.ts";
import type { Peer } from "./inbound-exchange.ts";
import type { ListenerDeps } from "./listener-deps.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import { parseProxyHeader, type ProxySource } from "./proxy-header.ts";
import { httpVersionOf, sniff, type SniffParts } from "./sniff.ts";
import type { TlsEntrance } from "./tls-entrance.ts";
import { verifiedSubject } from "./tls-context.ts";

/** A connection whose client may speak HTTP now. */
export interface Arrived {
  readonly socket: Socket;
  readonly version: "http1" | "http2";
  readonly peer: Peer;
}

/** What stands between a connection and its first request: whom a proxy brings, the handshake, which HTTP it is. */
export class Arrivals {
  readonly #settings: ListenerSettings;
  readonly #deps: ListenerDeps;
  readonly #entrance: TlsEntrance | undefined;
  readonly #onArrived: (arrived: Arrived) => void;
  /** Who speaks through proxies whose handshake is under way, by the proxy's address and port. */
  readonly #brought = new Map<string, ProxySource>();
  /** Those whose first bytes are waited for. */
  readonly #silent = new Set<Socket>();

  constructor(
    { settings, deps, entrance }: { settings: ListenerSettings; deps: ListenerDeps; entrance: TlsEntrance | undefined },
    onArrived: (arrived: Arrived) => void,
  ) {
    this.#settings = settings;
    this.#deps = deps;
    this.#entrance = entrance;
    this.#onArrived = (arrived) => {
      if (!arrived.socket.destroyed) onArrived(arrived);
    };
    entrance?.tell({
      onSecure: (socket) => this.#onSecure(socket),
      onFailed: (error) => deps.log.write("debug", "tls_handshake_failed", { listener: settings.name, error: error.message }),
    });
  }

  /** Takes a connection that was accepted a moment ago. */
  take(socket: Socket): void {
    const { proxiesFrom, name } = this.#settings;
    if (proxiesFrom === undefined) return this.#open(socket, undefined);
    const peer = addressOf(socket);
    const refuse = (reason: string | undefined): void => {
      if (reason !== undefined)
        this.#deps.log.write("info", "proxy_protocol_refused", { listener: name, client_address: peer, reason });
      socket.destroy();
    };
    if (!proxiesFrom.has(peer)) return refuse("the peer is not a trusted proxy");
    this.#sniff(socket, { look: parseProxyHeader, onFound: (source) => this.#open(socket, source), onRefused: refuse });
  }

  /** Who has not said yet what he is will not be waited for. */
  settle(): void {
    for (const socket of this.#silent) socket.destroy();
  }

  #sniff<T>(socket: Socket, { look, onFound, onRefused }: Pick<SniffParts<T>, "look" | "onFound" | "onRefused">): void {
    this.#silent.add(socket);
    sniff(socket, {
      look,
      clock: this.#deps.clock,
      deadlineMs: this.#settings.limits.headerTimeoutMs,
      onFound: (value) => {
        this.#silent.delete(socket);
        onFound(value);
      },
      onRefused: (reason) => {
        this.#silent.delete(socket);
        onRefused(reason);
      },
    });
  }

  #open(socket: Socket, source: ProxySource | undefined): void {
    if (this.#entrance === undefined) return this.#onPlain(socket, source);
    const key = portOf(socket);
    if (source !== undefined && key !== undefined) {
      this.#brought.set(key, source);
      socket.once("close", () => this.#brought.delete(key));
    }
    this.#entrance.take(socket);
  }

  #onPlain(socket: Socket, source: ProxySource | undefined): void {
    const { protocols = ["http1"] } = this.#settings;
    const peer = { address: source?.address ?? addressOf(socket), tlsSubject: "" };
    if (!protocols.includes("h2c")) return this.#onArrived({ socket, version: "http1", peer });
    if (!protocols.includes("http1")) return this.#onArrived({ socket, version: "http2", peer });
    this.#sniff(socket, {
      look: httpVersionOf,
      onFound: (version) => this.#onArrived({ socket, version, peer }),
      onRefused: () => socket.destroy(),
    });
  }

  #onSecure(socket: TLSSocket): void {
    const { protocols = ["http1"], name } = this.#settings;
    const address = this.#brought.get(portOf(socket) ?? "")?.address ?? addressOf(socket);
    const tlsSubject = verifiedSubject(socket);
    if (tlsSubject === undefined) {
      this.#deps.log.write("info", "client_certificate_refused", { listener: name, client_address: address });
      return void socket.destroy();
    }
    const version = socket.alpnProtocol === "h2" ? "http2" : "http1";
    // a client that names no protocol means HTTP/1.1 (RFC 9113 section 3.2)
    if (version === "http1" && !protocols.includes("http1")) return void socket.destroy();
    this.#onArrived({ socket, version, peer: { address, tlsSubject } });
  }
}

/** `unix` where the other end has no address. */
const addressOf = (socket: Socket): string =>
  socket.remoteAddress === undefined ? "unix" : (plainAddress(socket.remoteAddress) ?? "unknown");

const portOf = (socket: Socket): string | undefined =>
  socket.remotePort === undefined ? undefined : `${socket.remoteAddress} ${socket.remotePort}`;
