import type { ByteStream } from "./byte-stream.ts";
import type { HeaderLines } from "./header-lines.ts";

/** A request as an inbound adapter hands it over: parsed, framing settled, nothing interpreted yet. */
export interface Received {
  readonly method: string;
  /** Request target as sent. */
  readonly requestTarget: string;
  readonly headers: HeaderLines;
  /** Absent when the message has no body. */
  readonly body: ByteStream | undefined;
  /** It asks for this protocol, and its connection can change to it: then a 101 may be the answer. */
  readonly upgrade?: "websocket";
  /** It asks for nothing else, and whoever asked takes any 2xx for that (RFC 8441 section 5). */
  readonly upgradeOnly?: true;
  readonly scheme: "http" | "https";
  /** Name of the listener it came in by. */
  readonly listener: string;
  /** Beside `upgrade`: stands for the very listener. One that was changed finishes what it has beside another of the same name. */
  readonly listenerKey?: object;
  /** IP address of the socket's other end; `unix` for a unix socket. */
  readonly peerAddress: string;
  /** Subject of a verified client certificate; empty without one. */
  readonly tlsSubject: string;
}
