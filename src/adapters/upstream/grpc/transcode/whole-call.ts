import { isStream, type Body } from "../../../../model/byte-stream.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";
import { MessageCutter } from "./message-frames.ts";
import { statusOf, type CallStatus } from "./status-answer.ts";

/** A call that is over: what it brought. */
export interface WholeCall {
  readonly status: CallStatus;
  readonly trailers: HeaderLines;
  readonly messages: readonly Uint8Array[];
}

/** Reads a gRPC body to its end, `maxBytes` and one message's frame at most. A body without a status behind it is no answer. */
export function wholeCall(body: Body, maxBytes: number): Promise<Result<WholeCall, UpstreamFailure>> {
  if (!isStream(body)) return Promise.resolve(err(invalid("no status")));
  return new Promise((resolve) => {
    const cutter = new MessageCutter(maxBytes);
    const messages: Uint8Array[] = [];
    let bytes = 0;
    let fault: UpstreamFailure | undefined;
    const flow = body.pipe({
      write(chunk) {
        if (fault !== undefined) return false;
        bytes += chunk.byteLength;
        const whole = bytes > maxBytes + FRAME_BYTES ? undefined : cutter.push(chunk);
        messages.push(...(whole ?? []));
        if (whole !== undefined) return true;
        fault = invalid("a message that is compressed or too large");
        resolve(err(fault));
        // the flow may not be here yet
        queueMicrotask(() => flow.cancel());
        return false;
      },
      end(trailers) {
        const status = statusOf((name) => trailers?.first(name));
        const isWhole = cutter.isWhole || (status?.code ?? 0) !== GRPC_STATUS.OK;
        resolve(
          status === undefined || !isWhole
            ? err(invalid("no status, or half a message"))
            : ok({ status, messages, trailers: trailers ?? HeaderLines.EMPTY }),
        );
      },
      fail: (cause) => resolve(err(bodyFailure(cause))),
    });
  });
}

const FRAME_BYTES = 5;

const invalid = (cause: string): UpstreamFailure => ({ problem: "upstream_invalid_response", cause });

/** Why a body of ours broke off: what it broke off with is a failure of the same form. */
export const bodyFailure = (cause: unknown): UpstreamFailure =>
  typeof cause === "object" && cause !== null && "problem" in cause && cause.problem === "upstream_timeout"
    ? { problem: "upstream_timeout", cause: "the answer did not come in time" }
    : invalid("the answer broke off");
