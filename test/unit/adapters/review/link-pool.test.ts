import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Place } from "../../../../src/adapters/review/link.ts";
import { fakeLinks, type FakeLinks } from "../../../support/fake-links.ts";

/** The place taken; fails where there is none. */
function take({ pool }: FakeLinks, terms: Parameters<FakeLinks["pool"]["take"]>[0] = { decides: true }): Place {
  const taken = pool.take(terms);
  if (!taken.ok) throw new Error(taken.error.message);
  return taken.value;
}

const refusal = ({ pool }: FakeLinks, decides = true) => {
  const taken = pool.take({ decides });
  return taken.ok ? undefined : taken.error;
};

/** Makes each attempt at this link fail, until it was asked so often. */
function failAt(links: FakeLinks, url: string, times: number): void {
  const link = links.links.find((each) => each.url === url);
  for (let time = 0; time < times; time += 1) link?.begin(true).end("failure");
}

const states = ({ links }: FakeLinks): string => links.map(({ url, state }) => `${url} ${state}`).join(", ");

describe("a pool of endpoints", () => {
  it("gives each review to the one with the fewest in flight, in turn where several have the fewest", () => {
    const all = fakeLinks(3);
    const places = Array.from({ length: 6 }, () => take(all));
    expect(all.links.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2]);
    for (const place of places.filter(({ link }) => link.url === "b")) place.end("success");
    expect([take(all), take(all)].map(({ link }) => link.url)).toEqual(["b", "b"]);
  });

  it("takes turns where all are idle", () => {
    const all = fakeLinks(2);
    const asked = Array.from({ length: 10 }, () => {
      const place = take(all);
      place.end("success");
      return place.link.url;
    });
    expect(asked.filter((url) => url === "a")).toHaveLength(5);
  });

  it("never gives one to an endpoint that is not connected or does not serve while another does", () => {
    const all = fakeLinks(3);
    all.channels[0]?.lose();
    all.channels[1]?.tellHealth("not-serving");
    expect(states(all)).toBe("a connecting, b not-serving, c serving");
    for (let time = 0; time < 5; time += 1) expect(take(all).link.url).toBe("c");
  });

  it("sends a review again to another endpoint, and to the same where there is no other", () => {
    const all = fakeLinks(2);
    const first = take(all);
    first.end("none");
    for (let time = 0; time < 5; time += 1) expect(take(all, { decides: true, avoid: first.link }).link).not.toBe(first.link);
    all.channels.find((_, index) => all.links[index] !== first.link)?.lose();
    expect(take(all, { decides: true, avoid: first.link }).link).toBe(first.link);
    expect(all.pool.servesBeside(first.link)).toBe(false);
  });

  it("prefers those whose manifest is the one in force, and asks the others before nobody", () => {
    const all = fakeLinks(3);
    const [a, b, c] = all.links;
    if (a === undefined || b === undefined || c === undefined) throw new Error("three links");
    a.manifest = "other";
    b.manifest = "unknown";
    expect([take(all), take(all)].map(({ link }) => link.url)).toEqual(["c", "c"]);
    all.channels[2]?.lose();
    expect(take(all).link.url).toBe("b");
    all.channels[1]?.lose();
    expect(take(all).link.url).toBe("a");
  });

  it("lets a review wait for a connection only where nobody is connected", () => {
    const all = fakeLinks(2);
    for (const channel of all.channels) channel.lose();
    expect(take(all).link.state).toBe("connecting");
    all.channels[1]?.connect();
    expect(take(all).link.url).toBe("b");
    all.channels[1]?.tellHealth("not-serving");
    expect(refusal(all)).toMatchObject({ kind: "unavailable", reason: "not_serving" });
  });
});

describe("the breakers of a pool", () => {
  it("give up the one that fails, log it once, and connect to it anew", () => {
    const all = fakeLinks(2);
    failAt(all, "a", 3);
    expect(states(all)).toBe("a connecting, b serving");
    all.channels[0]?.connect();
    expect(states(all)).toBe("a open, b serving");
    expect(all.channels.map(({ reconnects }) => reconnects)).toEqual([1, 0]);
    expect(all.log.events.filter((event) => event.startsWith("breaker"))).toEqual(["breaker_opened"]);
    for (let time = 0; time < 5; time += 1) expect(take(all).link.url).toBe("b");
  });

  it("give up at most half of the endpoints while another answers; those that failed stay in use", () => {
    const all = fakeLinks(5);
    for (const url of ["a", "b", "c", "d"]) failAt(all, url, 3);
    expect(all.links.map(({ breaker }) => breaker.state)).toEqual(["open", "open", "closed", "closed", "closed"]);
  });

  it("give up all that failed once none is left that did not: then it is the service, and reviews fail at once", () => {
    const all = fakeLinks(3);
    for (const url of ["a", "b"]) failAt(all, url, 3);
    expect(all.links.map(({ breaker }) => breaker.state)).toEqual(["open", "closed", "closed"]);
    failAt(all, "c", 3);
    expect(all.links.map(({ breaker }) => breaker.state)).toEqual(["open", "open", "open"]);
    expect(refusal(all)).toMatchObject({ kind: "unavailable", reason: "breaker_open" });
    expect(all.pool.refusal(true)).toMatchObject({ reason: "breaker_open" });
  });

  it("let one review that decides try, which closes it; observers and shadows neither try nor count", () => {
    const all = fakeLinks(1);
    failAt(all, "a", 3);
    all.channels[0]?.connect();
    all.clock.advance(500);
    expect(states(all)).toBe("a half-open");
    expect(refusal(all, false)).toMatchObject({ reason: "breaker_open" });
    expect(all.pool.refusal(false)).toMatchObject({ reason: "breaker_open" });
    expect(all.pool.refusal(true)).toBeUndefined();
    const place = take(all);
    expect(refusal(all)).toMatchObject({ reason: "breaker_open" });
    place.end("success");
    expect(states(all)).toBe("a serving");
    expect(all.log.events.at(-1)).toBe("breaker_closed");
    for (let time = 0; time < 9; time += 1) take(all, { decides: false }).end("failure");
    expect(states(all)).toBe("a serving");
  });

  it("do not count what failed with the connection, and forget what failed over one that was lost", () => {
    const all = fakeLinks(1);
    const [channel] = all.channels;
    if (channel === undefined) throw new Error("one channel");
    failAt(all, "a", 2);
    channel.isReady = false;
    failAt(all, "a", 5);
    expect(all.links[0]?.breaker.state).toBe("closed");
    channel.isReady = true;
    failAt(all, "a", 1);
    expect(all.links[0]?.breaker.state).toBe("open");
    channel.connect();
    channel.lose();
    channel.connect();
    expect(states(all)).toBe("a serving");
  });

  it("keep at least half in use while one answers, and never lose count of reviews in flight, whatever happens", () => {
    const step = fc.record({ kind: fc.constantFrom("take", "end", "pass", "lose", "connect"), at: fc.nat(20), ok: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 120 }), (count, steps) => {
        const all = fakeLinks(count);
        const places: Place[] = [];
        for (const { kind, at, ok } of steps) {
          const channel = all.channels[at % count];
          if (kind === "take") {
            const taken = all.pool.take({ decides: ok });
            // what was said to be possible is
            if (taken.ok) places.push(taken.value);
          } else if (kind === "end") places.splice(at % Math.max(places.length, 1), 1)[0]?.end(ok ? "success" : "failure");
          else if (kind === "pass") all.clock.advance(at * 100);
          else if (kind === "lose" && channel?.connected === true) channel.lose();
          else if (kind === "connect" && channel?.connected === false) channel.connect();
          expect(all.links.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(places.length);
          expect(all.pool.refusal(true) === undefined).toBe(peek(all));
        }
      }),
    );
  });
});

/** Whether a place can be had, leaving none taken. */
function peek(all: FakeLinks): boolean {
  const taken = all.pool.take({ decides: true });
  if (taken.ok) taken.value.end("none");
  return taken.ok;
}
