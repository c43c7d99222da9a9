import { GrpcJsTransport } from "./grpc-js-transport.ts";
import { LeanTransport } from "./lean-transport.ts";
import type { OpenTransport } from "./transport.ts";

/** What an operator may choose calls to go over; all are ordinary gRPC to the service. */
export const TRANSPORTS = {
  lean: (terms, events) => new LeanTransport(terms, events),
  "grpc-js": (terms, events) => new GrpcJsTransport(terms, events),
} as const satisfies Record<string, OpenTransport>;

/** The names of the transports. */
export type TransportName = keyof typeof TRANSPORTS;
