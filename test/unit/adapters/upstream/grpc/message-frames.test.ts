import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { framed, MessageCutter } from "../../../../../src/adapters/upstream/grpc/transcode/message-frames.ts";
import { wholeCall } from "../../../../../src/adapters/upstream/grpc/transcode/whole-call.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import type { MessageRoom } from "../../../../../src/ports/upstream.ts";
import { HandStream } from "../../../../support/byte-flow.ts";

const cutter = (maxBytes = 1000, room?: MessageRoom): MessageCutter => new MessageCutter({ maxBytes, room });

/** Room that remembers what was asked for. */
function roomOf(bytes: number) {
  const room = {
    held: 0,
    reach(wanted: number) {
      if (wanted > bytes) return false;
      room.held = Math.max(room.held, wanted);
      return true;
    },
    shrink(kept: number) {
      room.held = Math.min(room.held, kept);
    },
  };
  return room;
}

describe("cutting a gRPC body", () => {
  it("finds the same messages however it came", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(30), { minLength: 1, maxLength: 10 }), (sent, sizes) => {
        const bytes = Buffer.concat(sent.map((message) => framed(message)));
        const cutting = cutter(40, roomOf(40));
        const found: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = (sizes[turn % sizes.length] ?? 0) + 1;
          const cut = cutting.push(bytes.subarray(at, at + size));
          found.push(...(cut.ok ? cut.value : []));
          at += size;
        }
        expect(found.map((each) => [...each])).toEqual(sent.map((each) => [...each]));
        expect(cutting.isWhole).toBe(true);
      }),
    );
  });

  it("costs what the bytes cost, in however small pieces they come", () => {
    const cutting = cutter(4_000_000);
    const body = framed(new Uint8Array(4_000_000));
    const from = process.threadCpuUsage();
    let found = 0;
    for (let at = 0; at < body.byteLength; at += 256) {
      const cut = cutting.push(body.subarray(at, at + 256));
      found += cut.ok ? cut.value.length : 0;
    }
    const { user, system } = process.threadCpuUsage(from);
    expect(found).toBe(1);
    // joined again with every piece it took 6,400
    expect((user + system) / 1000).toBeLessThan(1000);
  });

  it("holds no more of a message than there is room for, and gives the room back with the message", () => {
    const room = roomOf(50);
    const cutting = cutter(1000, room);
    const bytes = framed(new Uint8Array(60));
    expect(cutting.push(bytes.subarray(0, 45))).toEqual({ ok: true, value: [] });
    expect(room.held).toBe(40);
    expect(cutting.push(bytes.subarray(45)).ok).toBe(true);
    expect(room.held).toBe(0);
    expect(cutting.push(framed(new Uint8Array(70)).subarray(0, 60))).toMatchObject({
      error: { problem: "gateway_overloaded" },
    });
  });
});

describe("the whole of a unary call", () => {
  it.each([
    ["in one piece", [10]],
    ["one by one", [5, 5]],
  ])("ends with a second message, %s, without waiting for its end", async (_name, pieces) => {
    const stream = new HandStream();
    const call = wholeCall(stream, { maxBytes: 100, room: undefined });
    for (const bytes of pieces) stream.sink?.write(new Uint8Array(bytes));
    expect(await call).toMatchObject({ ok: false, error: { problem: "upstream_invalid_response" } });
    expect(stream.cancelled).toBe(true);
  });

  it("is counted until the exchange is over, and refused without room", async () => {
    const end = async (bytes: number) => {
      const stream = new HandStream();
      const room = roomOf(bytes);
      const call = wholeCall(stream, { maxBytes: 100, room });
      stream.sink?.write(framed(new Uint8Array(60)));
      stream.sink?.end(HeaderLines.of(["grpc-status", "0"]));
      return { call: await call, held: room.held };
    };
    expect(await end(60)).toMatchObject({ call: { ok: true }, held: 60 });
    expect(await end(59)).toMatchObject({ call: { error: { problem: "gateway_overloaded" } } });
  });
});
