import { describe, expect, it } from "vitest";
import type { MintedToken } from "../../../../src/adapters/identity/mint-token.ts";
import { TokenSlot } from "../../../../src/adapters/identity/token-slot.ts";
import { Secret } from "../../../../src/model/secret.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { turn } from "../../../support/turn.ts";

/** A slot filled with `t1`, `t2`, … of 100 s each; `state.works` says whether signing does. */
function fixture(works = true) {
  const [clock, log] = [new FakeClock(), new MemoryLog()];
  const state = { works, minted: 0, shiftMs: 0 };
  const shifted = {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs() + state.shiftMs,
    after: (delayMs: number, task: () => void) => clock.after(delayMs, task),
  };
  const mint = async (): Promise<MintedToken> => {
    if (!state.works) throw new Error("the key is gone");
    state.minted += 1;
    return { jwt: new Secret(`t${state.minted}`), issuedAtMs: shifted.wallMs(), expiresAtMs: shifted.wallMs() + 100_000 };
  };
  const slot = new TokenSlot({ audience: "urn:a", mint, clock: shifted, log });
  const token = (): string => {
    const found = slot.token();
    return found.ok ? found.value.reveal() : found.error;
  };
  return { slot, token, clock, log, state };
}

describe("the slot for a token", () => {
  it("gives none before it is filled, and then the same one to every call", async () => {
    const { slot, token } = fixture();
    expect(token()).toBe("there is no token for urn:a");
    await slot.filled();
    expect([token(), token()]).toEqual(["t1", "t1"]);
  });

  it("replaces the token in place at four fifths of its life", async () => {
    const { slot, token, clock } = fixture();
    await slot.filled();
    clock.advance(79_999);
    await turn();
    expect(token()).toBe("t1");
    clock.advance(1);
    expect(token()).toBe("t1");
    await turn();
    expect(token()).toBe("t2");
  });

  it("gives none when the token is out of date, says so in the log, and tries again every second", async () => {
    const { slot, token, clock, log, state } = fixture();
    await slot.filled();
    state.works = false;
    clock.advance(99_999);
    await turn();
    expect(token()).toBe("t1");
    clock.advance(1);
    expect(token()).toBe("the token is out of date for urn:a");
    expect(log.lines[0]).toEqual({
      level: "error",
      event: "token_not_signed",
      fields: { audience: "urn:a", reason: "the key is gone" },
    });
    state.works = true;
    for (let second = 0; second < 3; second += 1) {
      clock.advance(1_000);
      await turn();
    }
    expect(token()).toBe("t2");
  });

  it.each([
    ["forward, as after a sleep of the machine", 3_600_000],
    ["back, where the token comes from the future", -3_600_000],
  ])("gives none and signs a new one when the clock was set %s", async (_what, shiftMs) => {
    const { slot, token, state } = fixture();
    await slot.filled();
    state.shiftMs = shiftMs;
    expect(token()).toBe("the token is out of date for urn:a");
    await turn();
    expect(token()).toBe("t2");
  });

  it("is empty and quiet once it was disposed of", async () => {
    const { slot, token, clock, state } = fixture();
    await slot.filled();
    await slot[Symbol.asyncDispose]();
    expect(token()).toBe("there is no token for urn:a");
    clock.advance(1_000_000);
    await turn();
    expect([state.minted, clock.pending]).toEqual([1, 0]);
  });
});
