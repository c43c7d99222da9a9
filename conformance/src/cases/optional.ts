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
    requires: "watches that are opened and cancelled leave the service answering",
    async run(probe) {
      for (const index of Array.from({ length: 20 }).keys()) {
        using stream = openWatch(probe, `gateway-${index}`);
        await stream.next(20);
      }
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
