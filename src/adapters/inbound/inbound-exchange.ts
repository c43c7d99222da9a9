import { isStream } from "../../model/byte-stream.ts";
import { CancelSource } from "../../model/cancel.ts";
import type { BodyFailure } from "../../model/body-failure.ts";
import { HeaderLines } from "../../model/header-lines.ts";
import { renderProblem } from "../../model/problem-body.ts";
import type { Refusal } from "../../model/problem.ts";
import type { Received } from "../../model/received.ts";
import type { Tunnel } from "../../model/tunnel.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Answer, Handle, Sent } from "../../ports/inbound.ts";
import type { Log } from "../../ports/log.ts";
import type { HeadCheck, RequestFraming } from "./check-head.ts";
import type { BodySource, ExchangeWire, WireWatcher } from "./exchange-wire.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import { RequestBody } from "./request-body.ts";
import { frame } from "./response-framing.ts";
import { ResponseWriter } from "./response-writer.ts";
import { TunnelBytes } from "./tunnel-bytes.ts";
import { drainRest, SMALL_REST_BYTES } from "./unread-body.ts";

/** What every exchange of a connection shares. */
export interface ExchangeParts {
  readonly settings: ListenerSettings;
  readonly handle: Handle;
  readonly log: Log;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly peer: Peer;
  /** Asked when a response head is made: whether the connection ends behind it whatever the exchange says. */
  readonly closing: () => boolean;
}

/** The other end of a connection, read once. */
export interface Peer {
  readonly address: string;
  readonly tlsSubject: string;
}

/** One request of one connection and its response, from the parsed head to the last byte. */
export class InboundExchange implements WireWatcher {
  readonly #wire: ExchangeWire;
  readonly #parts: ExchangeParts;
  readonly #cancel = new CancelSource();
  #writer: ResponseWriter | undefined;
  #isOut = false;
  #body: RequestBody | undefined;
  #expectsContinue = false;
  /** Resolves when the rest of the request body became unreadable. */
  readonly #broken = Promise.withResolvers<void>();
  #isBroken = false;

  constructor(wire: ExchangeWire, parts: ExchangeParts) {
    this.#wire = wire;
    this.#parts = parts;
  }

  /** Whether the request's last byte was parsed: trouble on the connection is then not this request's. */
  get isReceived(): boolean {
    return this.#wire.body.complete;
  }

  /** What is left of the request body cannot be had. */
  breakOff(failure: BodyFailure): void {
    this.#isBroken = true;
    this.#broken.resolve();
    this.#body?.breakOff(failure);
  }

  /** Lives the exchange. Settles when nothing more will be sent, with whether the connection may go on. Never rejects. */
  async run(): Promise<"reusable" | "closes"> {
    this.#wire.watch(this);
    if (this.#wire.gone) this.#cancel.abort();
    const checked = this.#check();
    const answer = checked.kind === "refused" ? this.#refused(checked.refusal) : await this.#handled(checked.framing);
    const closes = checked.kind === "refused" || checked.closes || this.#mustClose();
    const sent = await this.#send(answer, closes);
    answer.onSent(this.#body === undefined ? sent : { ...sent, requestBytes: this.#body.receivedBytes });
    return closes || !sent.completed || this.#wire.endsConnection ? "closes" : "reusable";
  }

  onOut(): void {
    this.#isOut = true;
    this.#writer?.onOut();
  }

  onGone(): void {
    if (!this.#isOut) this.#cancel.abort();
    this.#writer?.onGone();
  }

  onRoom(): void {
    this.#writer?.onRoom();
  }

  onError(error: unknown): void {
    this.#writer?.onError(error);
  }

  #check(): HeadCheck {
    const checked = this.#wire.check();
    this.#expectsContinue = checked.kind === "accepted" ? checked.expectsContinue : this.#wire.expects;
    return checked;
  }

  async #handled(framing: RequestFraming): Promise<Answer> {
    try {
      return await this.#parts.handle(this.#received(framing), this.#cancel);
    } catch (error) {
      this.#parts.log.write("error", "handle_failed", {
        listener: this.#parts.settings.name,
        error: error instanceof Error ? error.stack : String(error),
      });
      return { response: renderProblem(FAILED, { requestId: this.#parts.ids.requestId() }), onSent: () => {} };
    }
  }

  #received(framing: RequestFraming): Received {
    const { settings, clock } = this.#parts;
    if (framing.kind !== "none") {
      this.#body = new RequestBody({
        source: this.#wire.body,
        declaredBytes: framing.kind === "length" ? framing.bytes : undefined,
        clock,
        bodyIdleMs: settings.limits.bodyIdleMs,
        onWanted: () => this.#continue(),
      });
    }
    const received: Received = {
      method: this.#wire.method,
      requestTarget: this.#wire.requestTarget,
      headers: HeaderLines.fromRaw(this.#wire.raw),
      body: this.#body,
      scheme: settings.tls === undefined ? "http" : "https",
      listener: settings.name,
      peerAddress: this.#parts.peer.address,
      tlsSubject: this.#parts.peer.tlsSubject,
    };
    if (this.#wire.behind === undefined) return received;
    return {
      ...received,
      upgrade: "websocket",
      listenerKey: settings,
      ...(this.#wire.upgradeOnly === true && { upgradeOnly: true }),
    };
  }

  #continue(): void {
    if (this.#expectsContinue && !this.#wire.headWritten && !this.#wire.gone) this.#wire.writeContinue();
    this.#expectsContinue = false;
  }

  /** An answer of this adapter's own: the pipeline never sees the request, so the line of log is written here. */
  #refused(refusal: Refusal): Answer {
    const { log, ids, settings } = this.#parts;
    const requestId = ids.requestId();
    log.write("info", "request_refused", {
      listener: settings.name,
      client_address: this.#parts.peer.address,
      request_id: requestId,
      correlation_id: requestId,
      code: refusal.problem,
      detail: refusal.detail,
    });
    return { response: renderProblem(refusal, { requestId }), onSent: () => {} };
  }

  /** Whether the connection cannot carry another request: told to the client in the head, so that it sends none. */
  #mustClose(): boolean {
    if (this.#parts.closing() || this.#wire.gone) return true;
    if (this.#body === undefined) return false;
    return this.#expectsContinue || this.#body.remainingBytes > SMALL_REST_BYTES;
  }

  async #send(answer: Answer, closes: boolean): Promise<Sent> {
    const { clock, settings } = this.#parts;
    const writer = new ResponseWriter(this.#wire, {
      clock,
      stallMs: settings.limits.bodyIdleMs * STALL_FACTOR,
      beforeEnd: () => this.#settleRequest(),
    });
    this.#writer = writer;
    const { method, behind } = this.#wire;
    const { tunnel } = answer.response;
    try {
      // a 101 to who cannot have it is a bug of ours
      if (tunnel !== undefined && behind === undefined) throw new Error("the connection cannot change its protocol");
      writer.send(frame(answer.response, { method, closes }));
    } catch (error) {
      this.#parts.log.write("error", "response_refused", {
        listener: settings.name,
        error: error instanceof Error ? error.message : String(error),
      });
      if (isStream(answer.response.body)) answer.response.body.discard();
      const failed = renderProblem(FAILED, { requestId: this.#parts.ids.requestId() });
      writer.send(frame(failed, { method, closes: true }));
      return writer.sent;
    }
    return tunnel === undefined || behind === undefined ? writer.sent : this.#live(tunnel, behind, writer);
  }

  /** The 101 is written: both directions go on until both are over. */
  async #live(tunnel: Tunnel, behind: BodySource, writer: ResponseWriter): Promise<Sent> {
    const fromClient = new TunnelBytes(behind, () => this.#wire.cut());
    tunnel.open(fromClient);
    const [sent] = await Promise.all([writer.sent, fromClient.over]);
    return { ...sent, requestBytes: fromClient.receivedBytes };
  }

  /** Runs when the response is out but for its end. A client that waits for 100 Continue has sent nothing: there is nothing to read. */
  #settleRequest(): Promise<void> | undefined {
    if (this.#expectsContinue || this.#isBroken || this.#wire.body.drained) return undefined;
    this.#body?.discard();
    if (this.#wire.outrunsRequest === true) return undefined;
    return Promise.race([drainRest(this.#wire.body, this.#parts.clock), this.#broken.promise]);
  }
}

const FAILED: Refusal = { problem: "internal", detail: "The gateway failed." };

/** See WriterParts.stallMs. */
const STALL_FACTOR = 10;
