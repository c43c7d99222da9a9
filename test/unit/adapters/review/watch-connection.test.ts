import { connectivityState, type ChannelInterface as Channel } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { watchConnection } from "../../../../src/adapters/review/watch-connection.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const { IDLE, CONNECTING, READY, TRANSIENT_FAILURE, SHUTDOWN } = connectivityState;

/** A channel whose state the test decides. */
class FakeChannel {
  state: connectivityState = IDLE;
  attempts = 0;
  #watcher = (): void => {};

  getConnectivityState(tryToConnect: boolean): connectivityState {
    if (tryToConnect) this.attempts += 1;
    return this.state;
  }

  watchConnectivityState(_state: connectivityState, _deadline: number, callback: () => void): void {
    this.#watcher = callback;
  }

  become(state: connectivityState): void {
    this.state = state;
    this.#watcher();
  }
}

function watched() {
  const clock = new FakeClock();
  const channel = new FakeChannel();
  const events: string[] = [];
  // the watch uses nothing else of a channel
  const stop = watchConnection(channel as unknown as Channel, clock, {
    onReady: () => events.push("ready"),
    onLost: () => events.push("lost"),
    onStuck: () => events.push("stuck"),
  });
  return { clock, channel, events, stop };
}

describe("watchConnection", () => {
  it("connects without being called, and tells when the connection is there and gone", () => {
    const { clock, channel, events } = watched();
    clock.advance(0);
    expect(channel.attempts).toBe(1);
    channel.become(CONNECTING);
    channel.become(READY);
    channel.become(IDLE);
    expect(events).toEqual(["ready", "lost"]);
  });

  it("reconnects at once after a connection that lasted, and not in a hurry after one that did not", () => {
    const { clock, channel } = watched();
    channel.become(READY);
    clock.advance(60_000);
    channel.become(IDLE);
    clock.advance(50);
    expect(channel.attempts).toBe(1);
    channel.become(READY);
    clock.advance(10);
    channel.become(IDLE);
    clock.advance(500);
    expect(channel.attempts).toBe(1);
    clock.advance(500);
    expect(channel.attempts).toBe(2);
  });

  it.each([CONNECTING, TRANSIENT_FAILURE])(
    "calls a channel stuck that is without a connection for five seconds (state %s)",
    (state) => {
      const { clock, channel, events } = watched();
      channel.become(state);
      clock.advance(4_999);
      expect(events).toEqual([]);
      clock.advance(1);
      expect(events).toEqual(["stuck"]);
    },
  );

  it("ends with the channel, or when it is told to", () => {
    const one = watched();
    one.channel.become(SHUTDOWN);
    const other = watched();
    other.channel.become(CONNECTING);
    other.stop();
    other.channel.become(READY);
    for (const { clock, events } of [one, other]) {
      clock.advance(60_000);
      expect([events, clock.pending]).toEqual([[], 0]);
    }
  });
});
