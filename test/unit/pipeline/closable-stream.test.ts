import { describe, expect, it } from "vitest";
import { ClosableStream } from "../../../src/pipeline/closable-stream.ts";
import { RecordingSink } from "../../support/byte-flow.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function closedAfter(text: string): RecordingSink {
  const sink = new RecordingSink();
  const source = {
    declaredBytes: undefined,
    pipe: () => ({ resume() {}, cancel() {} }),
    discard() {},
  };
  const stream = new ClosableStream(source, (task) => task());
  stream.pipe(sink);
  for (const char of text) stream.write(bytes(char));
  stream.close(bytes(": bye\n\n"), "closed");
  stream.write(bytes("late"));
  return sink;
}

describe("an event stream that is closed from outside (C36)", () => {
  it.each(["data: 1\n\n", "data: 1\r\n\r\n", "data: 1\r\r", ""])("says farewell behind %j and breaks off", async (text) => {
    const sink = closedAfter(text);
    expect(await sink.over).toMatchObject({ kind: "failed", cause: "closed" });
    expect(sink.text).toBe(`${text}: bye\n\n`);
  });

  it.each(["data: 1", "data: 1\n", "data: 1\r\n"])("adds nothing in the middle of an event: %j", async (text) => {
    const sink = closedAfter(text);
    await sink.over;
    expect(sink.text).toBe(text);
  });
});
