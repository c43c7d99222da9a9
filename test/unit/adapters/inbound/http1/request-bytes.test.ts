import { describe, expect, it } from "vitest";
import { RequestBytes } from "../../../../../src/adapters/inbound/http1/request-bytes.ts";
import type { BodyListener } from "../../../../../src/adapters/inbound/exchange-wire.ts";
import { bytesOf, textOf } from "../../../../support/byte-flow.ts";

/** A connection that counts. */
class Holder {
  heldBytes = 0;
  closed = false;

  held(bytes: number): void {
    this.heldBytes += bytes;
  }
}

/** A listener that remembers; `appetite` pieces are taken, then it pauses. */
class Listener implements BodyListener {
  readonly pieces: Uint8Array[] = [];
  readonly told: string[] = [];
  onPiece = (): void => {};

  onBytes(bytes: Uint8Array): void {
    this.pieces.push(bytes);
    this.onPiece();
  }

  onEnd(): void {
    this.told.push("end");
  }

  onGone(): void {
    this.told.push("gone");
  }

  get text(): string {
    return textOf(Buffer.concat(this.pieces));
  }
}

describe("the bytes of a request body", () => {
  it("wait in few large pieces, counted, however small they came", () => {
    const holder = new Holder();
    const body = new RequestBytes(holder, { kind: "chunked" });
    for (let i = 0; i < 60_000; i += 1) body.push(bytesOf("x"));
    expect(holder.heldBytes).toBe(60_000);
    const listener = new Listener();
    body.listen(listener);
    body.resume();
    expect(listener.pieces.length).toBeLessThan(10);
    expect(listener.text).toBe("x".repeat(60_000));
    expect(holder.heldBytes).toBe(0);
  });

  it("pass straight through to a listener that wants them, and rest when it does not", () => {
    const holder = new Holder();
    const body = new RequestBytes(holder, { kind: "length", bytes: 6 });
    const listener = new Listener();
    body.listen(listener);
    body.resume();
    body.push(bytesOf("ab"));
    body.pause();
    body.push(bytesOf("cd"));
    body.push(bytesOf("ef"));
    body.finish();
    expect(listener.text).toBe("ab");
    expect([body.complete, body.drained]).toEqual([true, false]);
    body.resume();
    expect(listener.text).toBe("abcdef");
    expect(listener.told).toEqual(["end"]);
    expect(body.drained).toBe(true);
  });

  it("stop in the middle of what waited, and lose or repeat nothing when the listener resumes within a piece", () => {
    const body = new RequestBytes(new Holder(), { kind: "length", bytes: 3 * 8_000 });
    for (const letter of "abc") body.push(bytesOf(letter.repeat(8_000)));
    body.finish();
    const listener = new Listener();
    listener.onPiece = () => {
      body.pause();
      if (listener.pieces.length === 2) body.resume();
    };
    body.listen(listener);
    body.resume();
    expect(listener.pieces.length).toBe(1);
    body.resume();
    expect(listener.pieces.length).toBe(3);
    expect(listener.told).toEqual([]);
    body.resume();
    expect(listener.told).toEqual(["end"]);
    expect(listener.text).toBe("a".repeat(8_000) + "b".repeat(8_000) + "c".repeat(8_000));
  });

  it("without a length end behind the call that asked for them, so that nobody takes them for one piece of known length", async () => {
    const body = new RequestBytes(new Holder(), { kind: "chunked" });
    body.push(bytesOf("whole"));
    body.finish();
    const listener = new Listener();
    body.listen(listener);
    body.resume();
    expect([listener.text, listener.told]).toEqual(["whole", []]);
    await Promise.resolve();
    expect(listener.told).toEqual(["end"]);
  });

  it("are dropped once they are ignored, and told lost once", () => {
    const holder = new Holder();
    const ignored = new RequestBytes(holder, { kind: "chunked" });
    ignored.push(bytesOf("abc"));
    ignored.ignore();
    ignored.push(bytesOf("def"));
    ignored.finish();
    expect([holder.heldBytes, ignored.drained]).toEqual([0, true]);
    const lost = new RequestBytes(holder, { kind: "length", bytes: 9 });
    const listener = new Listener();
    lost.listen(listener);
    lost.push(bytesOf("abc"));
    holder.closed = true;
    lost.lose();
    lost.lose();
    expect([listener.told, lost.gone, holder.heldBytes]).toEqual([["gone"], true, 0]);
  });
});
