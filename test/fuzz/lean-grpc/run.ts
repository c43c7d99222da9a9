import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { inspect } from "node:util";
import { ClientCall } from "@sallyport/lean-grpc/client-call.ts";
import { ClientConnection } from "@sallyport/lean-grpc/client-connection.ts";
import { PREFACE, SETTING, settingsFrame } from "@sallyport/lean-grpc/frame.ts";
import { HeldBytes } from "@sallyport/lean-grpc/held-bytes.ts";
import { KeepalivePace } from "@sallyport/lean-grpc/keepalive.ts";
import { framed } from "@sallyport/lean-grpc/message-reader.ts";
import { RequestRoom } from "@sallyport/lean-grpc/request-room.ts";
import { responseEnd, responseHead, trailersOnly } from "@sallyport/lean-grpc/response-frames.ts";
import { ServerConnection } from "@sallyport/lean-grpc/server-connection.ts";
import type { ServerStream } from "@sallyport/lean-grpc/server-stream.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { Random } from "../random.ts";
import { control, data, FIELDS, mutated, requests } from "./streams.ts";

/** What a run found: each finding is a sentence that names the case, to be run again alone. */
export interface FrameFuzzReport {
  readonly cases: number;
  /** Connections that were still up behind the bytes: the mutation hurt nothing but calls. */
  readonly survived: number;
  readonly findings: readonly string[];
}

/** Feeds mutated streams of frames to both ends, in memory. Whatever comes, nothing is thrown, and each call ends once. */
export async function fuzzFrames({ cases, seed }: { readonly cases: number; readonly seed: number }): Promise<FrameFuzzReport> {
  const findings: string[] = [];
  let survived = 0;
  for (let index = 0; index < cases; index += 1) {
    const random = new Random(seed + index);
    const found = await (index % 2 === 0 ? clientCase(random) : serverCase(random)).catch((thrown: unknown) => ({
      problem: `threw ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
      isUp: false,
    }));
    if (found.problem !== undefined) findings.push(`seed ${seed + index}, case ${index % 2}: ${found.problem}`);
    if (found.isUp) survived += 1;
  }
  return { cases, survived, findings };
}

interface CaseOutcome {
  readonly problem: string | undefined;
  readonly isUp: boolean;
}

/** A socket without a system: bytes are pushed into it, and what is written to it is gone. */
class MemorySocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }
  destroySoon(): void {
    this.end();
    this.destroy();
  }
  /** What a connection uses of a socket is here. */
  get asSocket(): Socket {
    return this as unknown as Socket;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function feed(socket: MemorySocket, bytes: Buffer, random: Random): Promise<void> {
  for (let offset = 0; offset < bytes.length && !socket.destroyed;) {
    const size = 1 + random.below(random.once(2) ? 40 : 4000);
    socket.push(bytes.subarray(offset, offset + size));
    offset += size;
    if (random.once(3)) await turn();
  }
  await turn();
  await turn();
}

async function clientCase(random: Random): Promise<CaseOutcome> {
  const clock = new FakeClock();
  const socket = new MemorySocket();
  const held = new HeldBytes(random.once(3) ? 100 : undefined);
  let isUp = true;
  const connection = new ClientConnection(
    socket.asSocket,
    { windows: { streamBytes: 65_535, connectionBytes: 1_000_000 }, timers: clock, pace: new KeepalivePace() },
    { onReady: () => {}, onDraining: () => {}, onClosed: () => (isUp = false) },
  );
  const ends: number[] = [];
  let fault: unknown;
  let late = 0;
  const calls = Array.from({ length: 6 }, (_, index) => {
    ends.push(0);
    const over = (): void => {
      if ((ends[index] ?? 0) > 0) late += 1;
    };
    const call = new ClientCall(
      { maxBytes: 1000, held, onFault: (thrown) => (fault = thrown) },
      { onHeaders: over, onMessage: over, onEnd: () => (ends[index] = (ends[index] ?? 0) + 1) },
    );
    const request = { fixed: FIELDS, changing: [], isAwaited: true, body: framed(Buffer.alloc(random.below(70_000))) };
    call.cancel = connection.open(request, call);
    return call;
  });
  await feed(socket, mutated(answers(random), random), random);
  const wasUp = isUp;
  if (random.once(4)) calls[0]?.giveUp();
  const givenUp = ends[0] === 0 && random.once(4);
  if (givenUp) calls[0]?.giveUp();
  connection.destroy("over");
  await turn();
  clock.advance(10_000_000);
  const problem =
    fault !== undefined
      ? `a fault: ${inspect(fault)}`
      : ends.some((count, index) => count > 1 || (count === 0 && index > 0))
        ? `ends told: ${ends.join()}`
        : late > 0
          ? "something was told behind an end"
          : held.bytes !== 0
            ? `${held.bytes} bytes are held`
            : clock.pending > 0
              ? `${clock.pending} timers are left`
              : undefined;
  return { problem, isUp: wasUp };
}

async function serverCase(random: Random): Promise<CaseOutcome> {
  const clock = new FakeClock();
  const socket = new MemorySocket();
  let fault: unknown;
  let closed = 0;
  let isLate = false;
  const open = new Set<ServerStream>();
  const seen = new Set<ServerStream>();
  let twice = 0;
  const room = new RequestRoom(random.once(3) ? 400 : 1_000_000);
  const judged: (() => void)[] = [];
  const connection = new ServerConnection(
    socket.asSocket,
    { limits: { maxStreams: 5, maxMessageBytes: 1000 }, timers: clock, room },
    {
      onOpened: (stream) => {
        const judge = random.pick<() => void>([
          () => stream.admit("known"),
          () => stream.admit("stranger"),
          () => stream.end({ code: 16, details: "no" }),
        ]);
        if (random.once(3)) judged.push(judge);
        else judge();
      },
      onCall: (stream, message) => {
        if (seen.has(stream)) twice += 1;
        seen.add(stream);
        if (closed > 0) isLate = true;
        if (message.length % 3 === 0) return stream.answer(Buffer.alloc(message.length * 100));
        open.add(stream);
        stream.onCancel(() => open.delete(stream));
        if (message.length % 3 === 1) stream.send(Buffer.alloc(70_000));
      },
      onClosed: () => (closed += 1),
      onFault: (thrown) => (fault = thrown),
    },
  );
  await feed(socket, mutated(Buffer.concat([PREFACE, requests(random, () => Buffer.alloc(random.below(300)))]), random), random);
  const isUp = closed === 0;
  for (const judge of judged) if (random.once(2)) judge();
  for (const stream of open) if (random.once(2)) stream.end({ code: 0, details: "" });
  if (random.once(2)) connection.drain();
  await turn();
  clock.advance(6_000);
  connection.destroy();
  await turn();
  clock.advance(10_000_000);
  const left = [...open].filter((stream) => !stream.isOver).length;
  const problem =
    fault !== undefined
      ? `a fault: ${inspect(fault)}`
      : closed !== 1
        ? `closed ${closed} times`
        : isLate || twice > 0
          ? "a call behind the end, or twice"
          : left > 0
            ? `${left} calls are left`
            : clock.pending > 0
              ? `${clock.pending} timers are left`
              : room.all.bytes !== 0 || room.strangers.bytes !== 0
                ? `${room.all.bytes} bytes are held, ${room.strangers.bytes} by strangers`
                : undefined;
  return { problem, isUp };
}

/** What a server says to six calls, in some order. */
function answers(random: Random): Buffer {
  const frames: Buffer[] = [settingsFrame(random.once(3) ? [[SETTING.MAX_CONCURRENT_STREAMS, 1 + random.below(4)]] : [])];
  for (let count = 0; count < 12; count += 1) {
    const id = 1 + 2 * random.below(6);
    const message = framed(Buffer.alloc(random.below(900)));
    const cut = random.below(message.length);
    frames.push(
      random.pick<Buffer>([
        Buffer.concat([responseHead(id), data(id, message), responseEnd(id, { code: 0, details: "" })]),
        Buffer.concat([responseHead(id), data(id, message.subarray(0, cut)), data(id, message.subarray(cut))]),
        trailersOnly(id, { code: random.below(17), details: "words" }),
        control(id, random),
      ]),
    );
  }
  return Buffer.concat(frames);
}
