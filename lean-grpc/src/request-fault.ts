import { STATUS, type CallStatus } from "./grpc-status.ts";
import type { MessageFault } from "./message-reader.ts";

/** Why a request is not taken: its bytes are no message, or more than one. */
export type RequestFault = MessageFault | { readonly kind: "several" };

/** What the caller is told of it. */
export function faultStatus(fault: RequestFault): CallStatus {
  switch (fault.kind) {
    case "too-large":
      return { code: STATUS.RESOURCE_EXHAUSTED, details: `a message of ${fault.bytes} bytes is too large` };
    case "no-room":
      return { code: STATUS.RESOURCE_EXHAUSTED, details: "too many unfinished messages at once" };
    case "several":
      return { code: STATUS.INTERNAL, details: "a call of one message came with more than one" };
    case "compressed":
      return { code: STATUS.UNIMPLEMENTED, details: "a message is compressed" };
    case "cut-short":
      return { code: STATUS.INTERNAL, details: "a message is cut short" };
    default:
      return fault satisfies never;
  }
}
