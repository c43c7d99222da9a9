import { ClientChannel } from "@sallyport/lean-grpc/client-channel.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import type { SocketTerms } from "@sallyport/lean-grpc/open-socket.ts";
import type { Secret } from "../../../model/secret.ts";
import type { ReviewEndpoint } from "../endpoint.ts";
import type { StreamListeners } from "../stream-call.ts";
import type { CallOutcome } from "../unary-call.ts";
import type { Transport, TransportEvents, TransportRequest, TransportTerms } from "./transport.ts";

/** Calls by our own HTTP/2: the same on the wire, at a tenth of the cost (README.md of lean-grpc). */
export class LeanTransport implements Transport {
  readonly #channel: ClientChannel;
  #token: Secret | undefined;
  #metadata: readonly Field[] = [];
  #isReady = false;
  #isClosed = false;

  constructor({ endpoint, security, guard, userAgent, receiveLimitBytes, clock }: TransportTerms, events: TransportEvents) {
    const terms = { tls: security.tls, guard, authority: security.authority, userAgent, maxMessageBytes: receiveLimitBytes };
    this.#channel = new ClientChannel({ address: addressOf(endpoint), ...terms }, clock, {
      onReady: () => {
        this.#isReady = true;
        if (!this.#isClosed) events.onReady();
      },
      onLost: () => {
        this.#isReady = false;
        if (!this.#isClosed) events.onLost();
      },
      onRefused: (reason) => {
        if (!this.#isClosed) events.onRefused(reason);
      },
    });
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  unary(request: TransportRequest, timeMs: number, done: (outcome: CallOutcome) => void): () => void {
    const { method, message } = request;
    return this.#channel.unary({ method, message, metadata: this.#metadataOf(request), own: ownOf(request) }, timeMs, done);
  }

  stream(request: TransportRequest, listeners: StreamListeners): () => void {
    const { method, message } = request;
    return this.#channel.stream({ method, message, metadata: this.#metadataOf(request) }, listeners);
  }

  close(): void {
    this.#isClosed = true;
    this.#channel.close();
  }

  /** One list for as long as the token is the same: it is coded once for each connection. */
  #metadataOf({ token }: TransportRequest): readonly Field[] {
    if (token === this.#token) return this.#metadata;
    this.#metadata = token === undefined ? [] : [["authorization", `Bearer ${token.reveal()}`]];
    this.#token = token;
    return this.#metadata;
  }
}

/** Another one for each call. */
const ownOf = ({ trace }: TransportRequest): readonly Field[] =>
  trace === undefined
    ? NONE
    : [
        ["traceparent", trace.traceparent],
        ["x-correlation-id", trace.correlationId],
      ];

const NONE: readonly Field[] = [];

const addressOf = (endpoint: ReviewEndpoint): SocketTerms["address"] =>
  endpoint.kind === "unix" ? { kind: "unix", path: endpoint.path } : { kind: "tcp", host: endpoint.host, port: endpoint.port };
