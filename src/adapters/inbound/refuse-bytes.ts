import type { Socket } from "node:net";
import { BodyFailure } from "../../model/body-failure.ts";
import { renderProblem } from "../../model/problem-body.ts";
import type { Refusal } from "../../model/problem.ts";
import { plainAddress } from "../../support/cidr.ts";
import { closeGently, type Connection } from "./connection.ts";
import type { ListenerDeps } from "./listener-deps.ts";
import { serialise } from "./unparsable.ts";

/** How bytes that are no request are refused: the listener's name goes into the log. */
export function byteRefuser(
  listener: string,
  deps: ListenerDeps,
): (socket: Socket, connection: Connection | undefined, refusal: Refusal) => void {
  return (socket, connection, refusal) => {
    if (socket.destroyed || !socket.writable || connection === undefined) return void socket.destroy();
    // a response is being made: bytes of another one would be taken for it
    if (connection.busy)
      return connection.poison(
        new BodyFailure(refusal.problem === "request_timeout" ? "request_timeout" : "bad_request", refusal.detail),
      );
    if (!connection.closing) answerBare({ socket, refusal, listener }, deps);
    connection.poison(new BodyFailure("bad_request", refusal.detail));
  };
}

/** Answers on a connection that has no response object, and closes it. */
function answerBare(
  { socket, refusal, listener }: { readonly socket: Socket; readonly refusal: Refusal; readonly listener: string },
  { log, ids, clock }: ListenerDeps,
): void {
  const requestId = ids.requestId();
  const clientAddress = plainAddress(socket.remoteAddress ?? "");
  log.write("info", "request_refused", {
    listener,
    client_address: clientAddress,
    request_id: requestId,
    correlation_id: requestId,
    code: refusal.problem,
    detail: refusal.detail,
  });
  socket.write(serialise(renderProblem(refusal, { requestId })));
  closeGently(socket, clock);
}
