import { isStream, type Body } from "../../../../model/byte-stream.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";
import { MessageCutter, NO_ROOM, type CutterTerms } from "./message-frames.ts";
import { statusOf, type CallStatus } from "./status-answer.ts";

/** A call that is over: what it brought. */
export interface WholeCall {
  readonly status: CallStatus;
  readonly trailers: HeaderLines;
  readonly message: Uint8Array | undefined;
}

/** Reads the gRPC body of a unary call to its end: one message at most. A body without a status behind it is no answer. */
export function wholeCall(body: Body, terms: CutterTerms): Promise<Result<WholeCall, UpstreamFailure>> {
  if (!isStream(body)) return Promise.resolve(err(invalid("no status")));
  return new Promise((resolve) => {
    const cutter = new MessageCutter(terms);
    let message: Uint8Array | undefined;
    let fault: UpstreamFailure | undefined;
    const flow = body.pipe({
      write(chunk) {
        if (fault !== undefined) return false;
        const cut = cutter.push(chunk);
        const [first, second] = cut.ok ? cut.value : [];
        if (!cut.ok) fault = cut.error;
        else if (second !== undefined || (message !== undefined && first !== undefined)) fault = invalid("more than one message");
        // what is whole the cutter counts no more
        else if (first !== undefined && terms.room?.reach(first.byteLength) === false) fault = NO_ROOM;
        message ??= first;
        if (fault === undefined) return true;
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
            : ok({ status, message, trailers: trailers ?? HeaderLines.EMPTY }),
        );
      },
      fail: (cause) => resolve(err(bodyFailure(cause))),
    });
  });
}

const invalid = (cause: string): UpstreamFailure => ({ problem: "upstream_invalid_response", cause });

/** Why a body of ours broke off: what it broke off with is a failure of the same form. */
export const bodyFailure = (cause: unknown): UpstreamFailure =>
  typeof cause === "object" && cause !== null && "problem" in cause && cause.problem === "upstream_timeout"
    ? { problem: "upstream_timeout", cause: "the answer did not come in time" }
    : invalid("the answer broke off");
