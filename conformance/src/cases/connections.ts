import { METHODS } from "@sallyport/contract/wire.ts";
import { usable } from "../asked.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, quoted, skip } from "../finding.ts";
import type { Probe } from "../probe.ts";
import { framed, RawSession, reset } from "../raw-session.ts";
import { openSocket } from "../raw-socket.ts";
import { encodeDescribe, encodeReview, reviewRequest } from "../review-message.ts";
import { sampleExchange } from "../sample-exchange.ts";
import { sampleView } from "../sample-view.ts";
import { statusName } from "../status-name.ts";

const KEEPALIVE_MS = 10_000;

/** What happens to connections between two machines. */
export const CONNECTION_CASES: readonly ConformanceCase[] = [
  {
    name: "concurrent-reviews",
    rule: "§4.7",
    requires: "100 reviews at once on one connection get their own usable verdicts",
    maxMs: 60_000,
    async run(probe) {
      const bindings = await probe.bindings();
      const questions = Array.from({ length: 100 }, (_, index) => bindings[index % bindings.length]).flatMap(
        (binding) => binding ?? [],
      );
      const all = await Promise.all(questions.map((binding) => probe.reviewSample(binding, "typical", { withinMs: 30_000 })));
      for (const asked of all) usable(asked);
      const ids = new Set(all.map(({ request }) => request.reviewId));
      ensure(ids.size === 100, "the suite repeated a review id");
      const slowestMs = Math.max(...all.map(({ answer }) => answer.tookMs));
      return `the slowest took ${Math.round(slowestMs)} ms`;
    },
  },
  {
    name: "many-connections",
    rule: "C37",
    requires: "20 gateways on connections of their own get usable verdicts",
    maxMs: 60_000,
    async run(probe) {
      const [binding] = await probe.bindings();
      if (binding === undefined) return;
      const connections = Array.from({ length: 20 }, () => probe.connect());
      const all = await Promise.all(
        connections.map((connection) => probe.reviewSample(binding, "typical", { connection, withinMs: 20_000 })),
      );
      for (const connection of connections) connection.close();
      for (const asked of all) usable(asked);
    },
  },
  {
    name: "connection-dropped",
    rule: "C15",
    requires: "a connection that is cut while reviews run harms no other, and the gateway can come back",
    async run(probe) {
      for (const _ of [1, 2, 3, 4, 5]) {
        const session = await openSession(probe);
        const message = await typicalReview(probe);
        [1, 2, 3].forEach(() => session.request(METHODS.review).end(framed(message)));
        await session.ping(2_000);
        session.cut();
      }
      await probe.stillServes("connections that were cut");
    },
  },
  {
    name: "goaway-and-reconnect",
    rule: "C6",
    requires: "after a gateway's GOAWAY the open review ends, and a new connection is served",
    async run(probe) {
      for (const _ of [1, 2, 3]) {
        using session = await openSession(probe);
        const review = session.exchange(METHODS.review, framed(await typicalReview(probe)), 5_000);
        await session.goAway();
        const ended = await review;
        ensure(
          ended.kind === "status" && ended.code === 0,
          `the review that was open ends with ${ended.kind === "status" ? statusName(ended.code) : ended.kind}`,
        );
      }
      await probe.stillServes("a GOAWAY");
    },
  },
  {
    name: "half-message-then-reset",
    rule: "C7",
    requires: "a review that is reset while it is being sent leaves the connection working",
    async run(probe) {
      using session = await openSession(probe);
      const message = framed(await typicalReview(probe));
      for (const _ of Array.from({ length: 20 })) {
        const stream = session.request(METHODS.review);
        stream.write(message.subarray(0, Math.ceil(message.length / 2)));
        reset(stream);
      }
      await worksOn(session, probe, "half-sent reviews");
    },
  },
  {
    name: "broken-frames",
    rule: "C15",
    requires: "a call whose frame is short, empty or endless is never answered with OK",
    maxMs: 60_000,
    async run(probe) {
      const message = framed(await typicalReview(probe));
      const bodies: Readonly<Record<string, Uint8Array>> = {
        "a frame that ends early": message.subarray(0, message.length - 1),
        "a frame without its message": Buffer.from("0000000064", "hex"),
        "half of a frame's head": Buffer.from("000000", "hex"),
        "a length of 4 GiB": Buffer.from("00ffffffff0a", "hex"),
      };
      await Promise.all(
        Object.entries(bodies).map(async ([what, body]) => {
          using session = await openSession(probe);
          // a service may wait for the rest for ever: all that counts is that it does not answer
          const answer = await session.exchange(METHODS.review, body, 2_000);
          if (answer.kind === "status" && answer.code === 0) fail(`${what} is answered with OK`);
        }),
      );
      await probe.stillServes("broken frames");
    },
  },
  {
    name: "resets-survived",
    rule: "C15",
    requires: "200 streams that are opened and reset at once do not take the service down",
    async run(probe) {
      const session = await openSession(probe);
      const message = framed(await typicalReview(probe));
      for (let count = 0; count < 200 && !session.isClosed; count += 1) {
        const stream = session.request(METHODS.review);
        stream.write(message);
        reset(stream);
      }
      // the service may say GOAWAY to such a client: that is its own protection
      await session.ping(2_000);
      session.cut();
      await probe.stillServes("200 streams that were reset");
    },
  },
  {
    name: "no-deadline",
    rule: "C21",
    requires: "a review that came without grpc-timeout is answered as well",
    async run(probe) {
      using session = await openSession(probe);
      const answer = await session.exchange(METHODS.review, framed(await typicalReview(probe)), 5_000, {
        "grpc-timeout": undefined,
      });
      ensure(answer.kind === "status" && answer.code === 0, "a review without a deadline is not answered");
    },
  },
  {
    name: "ping-answered",
    rule: "C15",
    requires: "an HTTP/2 PING is answered within 2 s: a gateway takes silence for a dead connection",
    async run(probe) {
      using session = await openSession(probe);
      ensure(await session.ping(2_000), "a PING is not answered");
    },
  },
  {
    name: "keepalive-tolerated",
    rule: "C15",
    requires: "a connection without calls that is pinged every 10 s, as a gateway does, is kept for 50 s",
    maxMs: 90_000,
    async run(probe) {
      if (!probe.options.slow) skip("it takes 50 s: --slow");
      using session = await openSession(probe);
      for (const round of [1, 2, 3, 4, 5]) {
        ensure(await session.ping(2_000), `ping ${round} is not answered`);
        await new Promise((resolve) => setTimeout(resolve, KEEPALIVE_MS));
        ensure(!session.isClosed, `the connection is closed after ${round} pings; allow pings without calls every 10 s`);
      }
      await worksOn(session, probe, "a minute of pings");
    },
  },
  {
    name: "idle-connections",
    rule: "C15",
    requires: "50 connections that say nothing do not keep others out",
    async run(probe) {
      const silent = Array.from({ length: 50 }, () => openSocket(probe.options));
      try {
        await probe.stillServes("50 silent connections");
      } finally {
        for (const socket of silent) socket.destroy();
      }
    },
  },
];

async function openSession(probe: Probe): Promise<RawSession> {
  try {
    return await RawSession.open(probe.options, probe.signer?.token());
  } catch (error) {
    return fail(`no HTTP/2 connection: ${quoted(error instanceof Error ? error.message : String(error))}`);
  }
}

async function typicalReview(probe: Probe): Promise<Uint8Array> {
  const [binding] = await probe.bindings();
  if (binding === undefined) return skip("there is no binding to review");
  return encodeReview(reviewRequest(binding, sampleView(sampleExchange("typical", binding), binding)));
}

async function worksOn(session: RawSession, probe: Probe, after: string): Promise<void> {
  const describe = encodeDescribe(await probe.bindings(), { reviewMs: probe.options.reviewMs });
  const answer = await session.exchange(METHODS.describe, framed(describe), 5_000);
  if (answer.kind !== "status" || answer.code !== 0)
    fail(
      `after ${after}, Describe on the connection ends with ${answer.kind === "status" ? statusName(answer.code) : answer.kind}`,
    );
  await probe.stillServes(after);
}
