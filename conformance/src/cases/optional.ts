import { Event, WatchRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeStrict, METHODS, SERVICE } from "@sallyport/contract/wire.ts";
import type { CallStream } from "../call-stream.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, skip } from "../finding.ts";
import type { Probe } from "../probe.ts";
import { listedServices, LIST_SERVICES, REFLECTION } from "../reflection-message.ts";
import { STATUS, statusName } from "../status-name.ts";
import { withUnknownFields } from "../unknown-fields.ts";

/** `Watch` of the contract, and server reflection: what a service may leave out. */
export const OPTIONAL_CASES: readonly ConformanceCase[] = [
  {
    name: "watch-optional",
    rule: "§10",
    requires: "Watch is UNIMPLEMENTED, or a stream that stays open and holds events that decode strictly",
    async run(probe) {
      using stream = openWatch(probe, "conformance");
      return (await isValid(stream)) ? "a stream" : "UNIMPLEMENTED";
    },
  },
  {
    name: "watch-headers-at-once",
    rule: "§10",
    requires: "Watch is UNIMPLEMENTED, or its response headers come within 2 s, before there is anything to tell",
    async run(probe) {
      using stream = openWatch(probe, "conformance");
      if (await stream.headers(2_000)) return;
      const event = await stream.next(1);
      if (event.kind === "ended" && event.code === STATUS.UNIMPLEMENTED) return "UNIMPLEMENTED";
      return fail("no headers for 2 s: a gateway cannot know that it would be told");
    },
  },
  {
    name: "watch-needs-identity",
    rule: "§9",
    requires: "a caller that does not show who it is watches nothing",
    async run(probe) {
      const { tls } = probe.options;
      if (tls?.pair === undefined && probe.signer === undefined)
        return skip("there is nothing to show: no certificate, no token");
      using connection =
        probe.signer === undefined
          ? probe.connect({ tls: tls && { ...tls, pair: undefined } })
          : probe.connect({}, () => undefined);
      using stream = connection.stream(METHODS.watch, WatchRequest.encode({ gatewayId: "stranger" }).finish(), {
        withinMs: 10_000,
      });
      const event = await stream.next(3_000);
      if (event.kind !== "ended") return fail("Watch is open to a caller nobody knows");
      ensure(event.code !== STATUS.OK, "Watch ends with OK for a caller nobody knows");
      return statusName(event.code);
    },
  },
  {
    name: "watch-ignores-unknown-fields",
    rule: "§11",
    requires: "Watch answers a request with fields of a newer contract as it answers any other",
    async run(probe) {
      using stream = probe.main.stream(
        METHODS.watch,
        withUnknownFields(WatchRequest.encode({ gatewayId: "conformance" }).finish()),
        { withinMs: 10_000 },
      );
      await isValid(stream);
    },
  },
  {
    name: "watch-several-gateways",
    rule: "§7.4",
    requires: "several gateways may watch at once; one that leaves does not end the others",
    async run(probe) {
      const streams = ["one", "two", "three"].map((name) => openWatch(probe, name));
      try {
        const [first, ...others] = streams;
        if (first === undefined || !(await isValid(first))) return skip("Watch is UNIMPLEMENTED");
        first.cancel();
        for (const stream of others) ensure(await isValid(stream), "Watch is UNIMPLEMENTED to some");
      } finally {
        for (const stream of streams) stream.cancel();
      }
    },
  },
  {
    name: "watch-cancelled",
    rule: "§10",
    requires: "100 watches that are opened and cancelled leave room for another, and the service answering",
    async run(probe) {
      for (const round of Array.from({ length: 10 }).keys()) {
        const streams = Array.from({ length: 10 }, (_, index) => openWatch(probe, `gateway-${round}-${index}`));
        await Promise.all(streams.map((stream) => stream.headers(2_000)));
        for (const stream of streams) stream.cancel();
      }
      // the service may hear of the last ones a moment later
      await new Promise((resolve) => setTimeout(resolve, 200));
      using another = openWatch(probe, "another");
      await isValid(another);
      await probe.stillServes("watches that were cancelled");
    },
  },
  {
    name: "reflection-optional",
    rule: "§7.1",
    requires: "server reflection is UNIMPLEMENTED, or lists the service",
    async run(probe) {
      for (const method of REFLECTION) {
        using stream = probe.main.conversation(method, LIST_SERVICES, { withinMs: 5_000 });
        const event = await stream.next(3_000);
        if (event.kind === "quiet") return fail("server reflection says nothing for 3 s");
        if (event.kind === "ended") {
          const isOff =
            event.code === STATUS.UNIMPLEMENTED ||
            event.code === STATUS.UNAUTHENTICATED ||
            event.code === STATUS.PERMISSION_DENIED;
          ensure(isOff, `server reflection ends with ${statusName(event.code)}`);
          continue;
        }
        ensure(listedServices(event.bytes).includes(SERVICE), `server reflection does not list ${SERVICE}`);
        return "it lists the service";
      }
      return "not offered";
    },
  },
];

const openWatch = (probe: Probe, gatewayId: string): CallStream =>
  probe.main.stream(METHODS.watch, WatchRequest.encode({ gatewayId }).finish(), { withinMs: 10_000 });

/** Whether the stream is one; false when the method is not there. Fails on everything else. */
async function isValid(stream: CallStream): Promise<boolean> {
  const untilMs = performance.now() + 500;
  for (;;) {
    const event = await stream.next(Math.max(1, untilMs - performance.now()));
    if (event.kind === "quiet") return true;
    if (event.kind === "ended") {
      if (event.code === STATUS.UNIMPLEMENTED) return false;
      return fail(`Watch ends with ${statusName(event.code)}; it is UNIMPLEMENTED or stays open`);
    }
    const decoded = decodeStrict(Event, event.bytes);
    ensure(decoded.ok, `an event of Watch is ${decoded.ok ? "" : decoded.error}`);
    // a service that never stops talking is not waited for
    if (performance.now() >= untilMs) return true;
  }
}
