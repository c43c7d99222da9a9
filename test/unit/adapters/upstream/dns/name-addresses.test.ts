import { describe, expect, it } from "vitest";
import { NameAddresses, type Resolve } from "../../../../../src/adapters/upstream/dns/name-addresses.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { turn } from "../../../../support/turn.ts";

/** A name whose answers the test gives. */
function scene() {
  const clock = new FakeClock();
  const asked: PromiseWithResolvers<readonly string[]>[] = [];
  const told: string[] = [];
  const resolve: Resolve = () => {
    const answer = Promise.withResolvers<readonly string[]>();
    asked.push(answer);
    return answer.promise;
  };
  const names = new NameAddresses(
    { host: "orders.internal", refreshMs: 30_000, timeoutMs: 5_000 },
    { clock, resolve, random: () => 0.5 },
    {
      onChanged: (now, before) => told.push(`${before.join()} -> ${now.join()}`),
      onFailed: (reason) => told.push(`failed: ${reason}`),
      onRecovered: () => told.push("recovered"),
    },
  );
  return {
    clock,
    asked,
    told,
    names,
    answer: async (...addresses: readonly string[]) => {
      asked.at(-1)?.resolve(addresses);
      await turn();
    },
    fail: async (message: string) => {
      asked.at(-1)?.reject(new Error(message));
      await turn();
    },
    /** What a connection would be given. */
    looked: () =>
      new Promise<readonly string[] | string>((done) =>
        names.lookup("orders.internal", { all: true }, (failure, addresses) => {
          if (failure !== null) return done(failure.message);
          done(Array.isArray(addresses) ? addresses.map(({ address, family }) => `${address}/${family}`) : []);
        }),
      ),
  };
}

describe("the addresses of a name", () => {
  it("are asked for at once; connections wait for the first answer and begin with another address each time", async () => {
    const { names, answer, looked, told } = scene();
    const waiting = [looked(), looked()];
    await answer("10.0.0.1", "10.0.0.2", "::1");
    expect(await Promise.all(waiting)).toEqual([
      ["10.0.0.1/4", "10.0.0.2/4", "::1/6"],
      ["10.0.0.2/4", "::1/6", "10.0.0.1/4"],
    ]);
    expect(await looked()).toEqual(["::1/6", "10.0.0.1/4", "10.0.0.2/4"]);
    expect(told).toEqual([]);
    names.close();
  });

  it("are asked for again after the pause, and who left is known", async () => {
    const { clock, asked, answer, names, told } = scene();
    await answer("10.0.0.1", "10.0.0.2");
    clock.advance(29_999);
    expect(asked).toHaveLength(1);
    clock.advance(1);
    expect(asked).toHaveLength(2);
    await answer("10.0.0.2", "10.0.0.1");
    expect(told).toEqual([]);
    clock.advance(30_000);
    await answer("10.0.0.2", "10.0.0.3");
    expect(told).toEqual(["10.0.0.2,10.0.0.1 -> 10.0.0.2,10.0.0.3"]);
    expect(["10.0.0.1", "10.0.0.2", "10.0.0.3"].filter((address) => names.has(address))).toEqual(["10.0.0.2", "10.0.0.3"]);
    names.close();
  });

  it("stay what they were when a question fails or takes too long, which is told once", async () => {
    const { clock, asked, answer, fail, looked, told, names } = scene();
    await answer("10.0.0.1");
    clock.advance(30_000);
    await fail("ENOTFOUND");
    clock.advance(30_000);
    await answer();
    clock.advance(30_000);
    clock.advance(5_000);
    expect(told).toEqual(["failed: ENOTFOUND"]);
    // the one that takes so long is still under way: no other is begun
    clock.advance(300_000);
    expect(asked).toHaveLength(4);
    // and what it says now is old
    await answer("10.0.0.9");
    expect(await looked()).toEqual(["10.0.0.1/4"]);
    clock.advance(30_000);
    await answer("10.0.0.1");
    expect(told).toEqual(["failed: ENOTFOUND", "recovered"]);
    names.close();
  });

  it("are asked for soon again while none is known; connections fail meanwhile rather than wait", async () => {
    const { clock, asked, answer, fail, looked, names } = scene();
    const waiting = looked();
    await fail("EAI_AGAIN");
    expect(await waiting).toBe("EAI_AGAIN");
    expect(await looked()).toBe("EAI_AGAIN");
    clock.advance(500);
    expect(asked).toHaveLength(2);
    await answer("10.0.0.1");
    expect(await looked()).toEqual(["10.0.0.1/4"]);
    names.close();
  });

  it("are no longer followed once closed", async () => {
    const { clock, asked, answer, looked, names } = scene();
    const waiting = looked();
    names.close();
    expect(await waiting).toBe("the upstream is being closed");
    await answer("10.0.0.1");
    expect(clock.pending).toBe(0);
    expect(asked).toHaveLength(1);
  });
});
