import { METHODS, SERVICE } from "@sallyport/contract/wire.ts";
import { refused, usable } from "../asked.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import type { Answer } from "../connection.ts";
import { ensure, fail } from "../finding.ts";
import type { AskedReview, Probe } from "../probe.ts";
import { encodeReview, reviewRequest } from "../review-message.ts";
import { sampleExchange } from "../sample-exchange.ts";
import { sampleView } from "../sample-view.ts";
import { STATUS, statusName } from "../status-name.ts";
import { withUnknownFields } from "../unknown-fields.ts";

/** Bytes no gateway sends, and bytes a newer one may. */
export const HOSTILE_CASES: readonly ConformanceCase[] = [
  {
    name: "unknown-fields",
    rule: "§11",
    requires: "fields of a newer contract in a review are ignored",
    async run(probe) {
      for (const binding of await probe.bindings()) {
        const request = reviewRequest(binding, sampleView(sampleExchange("typical", binding), binding));
        const answer = await send(probe, withUnknownFields(encodeReview(request)));
        usable({ binding, shown: "a view and unknown fields", request, answer });
      }
    },
  },
  {
    name: "garbage-review",
    rule: "§11",
    requires: "bytes that are no ReviewRequest are an error, never a verdict, and harm nothing",
    async run(probe) {
      for (const bytes of GARBAGE) {
        const answer = await send(probe, Buffer.from(bytes, "hex"));
        ensure(answer.kind === "status", `the bytes ${bytes.slice(0, 40)} are answered with status OK`);
      }
      await probe.stillServes("reviews that are no message");
    },
  },
  {
    name: "truncated-review",
    rule: "§11",
    requires: "a review cut off within a field is an error, never a verdict",
    async run(probe) {
      const [binding] = await probe.bindings();
      if (binding === undefined) return;
      const whole = encodeReview(reviewRequest(binding, sampleView(sampleExchange("typical", binding), binding)));
      // one byte short of the end is always inside the view, which comes last
      for (const length of [whole.length - 1, whole.length - 3]) {
        const answer = await send(probe, whole.subarray(0, Math.max(1, length)));
        ensure(answer.kind === "status", `a review cut to ${length} of ${whole.length} bytes is answered with status OK`);
      }
      await probe.stillServes("truncated reviews");
    },
  },
  {
    name: "invalid-utf8",
    rule: "§3.4",
    requires: "text that is not UTF-8 makes a review an error, never a verdict",
    async run(probe) {
      for (const binding of await probe.bindings()) {
        const request = reviewRequest(binding, sampleView(sampleExchange("typical", binding), binding));
        // review_id, binding_digest and binding_id once more: of a field that is sent twice the later one counts
        for (const tail of ["0a03c32841", "3202fffe", "1a04f0288cbc"]) {
          const answer = await send(probe, Buffer.concat([encodeReview(request), Buffer.from(tail, "hex")]));
          refused({ binding, shown: "", request, answer } satisfies AskedReview, "text that is not UTF-8");
        }
      }
      await probe.stillServes("text that is not UTF-8");
    },
  },
  {
    name: "unknown-method",
    rule: "§11",
    requires: "a method the service does not have is UNIMPLEMENTED",
    async run(probe) {
      const answer = await probe.main.call(`/${SERVICE}/Reconsider`, new Uint8Array(), { withinMs: 5_000 });
      if (answer.kind === "reply") return fail("an unknown method is answered");
      ensure(answer.code === STATUS.UNIMPLEMENTED, `an unknown method is ${statusName(answer.code)}`);
    },
  },
  {
    name: "too-large-review",
    rule: "§4.7",
    requires: "a review far above what is usual (20 MiB) is an error or a verdict, and harms nothing",
    maxMs: 60_000,
    async run(probe) {
      const [binding] = await probe.bindings();
      if (binding === undefined) return;
      using connection = probe.connect();
      const message = Buffer.concat([encodeReview(reviewRequest(binding, undefined)), oversized()]);
      await connection.call(METHODS.review, message, { withinMs: 20_000 });
      await probe.stillServes("a review of 20 MiB");
    },
  },
];

const send = (probe: Probe, bytes: Uint8Array): Promise<Answer> =>
  probe.main.call(METHODS.review, bytes, { withinMs: probe.options.reviewMs });

/** Incomplete varints and lengths, group and reserved wire types, a field number of zero, text. */
const GARBAGE = [
  "ff",
  "ffffffffffffffffffffff01",
  "0affffffff0f",
  "0a7f41",
  "0f",
  "0b0c",
  "0700",
  "4205ffffffffff",
  Buffer.from("GET / HTTP/1.1").toString("hex"),
];

/** An unknown field of 20 MiB. */
function oversized(): Buffer {
  const length = 20 * 1024 * 1024;
  // field 15000, length-delimited; the length as a varint
  return Buffer.concat([Buffer.from("c2a907", "hex"), Buffer.from("8080800a", "hex"), Buffer.alloc(length, 0x61)]);
}
