import * as fc from "fast-check";
import { expect, it } from "vitest";
import { framed } from "../../../src/adapters/upstream/grpc/transcode/message-frames.ts";
import { MessageBoundary } from "../../../src/support/message-boundary.ts";

it("knows between which bytes one message has ended, however they are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      (messages, sizes) => {
        const frames = messages.map((message) => Buffer.from(framed(message)));
        const ends = new Set([0]);
        let at = 0;
        for (const { length } of frames) ends.add((at += length));
        const bytes = Buffer.concat(frames);
        const boundary = new MessageBoundary();
        for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
          const to = Math.min(bytes.length, from + (sizes[turn % sizes.length] ?? 1));
          boundary.push(bytes.subarray(from, to));
          from = to;
          expect(boundary.isHere).toBe(ends.has(from));
        }
        expect(boundary.isHere).toBe(true);
      },
    ),
  );
});
