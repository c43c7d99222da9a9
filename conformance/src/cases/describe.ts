import { Manifest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeStrict, METHODS } from "@sallyport/contract/wire.ts";
import { bindingsUnderTest } from "../binding-under-test.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import type { Answer } from "../connection.ts";
import { ensure, fail, quoted } from "../finding.ts";
import type { Probe } from "../probe.ts";
import { encodeDescribe } from "../review-message.ts";
import { STATUS, statusName } from "../status-name.ts";
import { withUnknownFields } from "../unknown-fields.ts";

const MAX_MANIFEST_BYTES = 1024 * 1024;

/** Describe itself; what the manifest says is judged elsewhere. */
export const DESCRIBE_CASES: readonly ConformanceCase[] = [
  {
    name: "describe-answers",
    rule: "§7.1",
    requires: "Describe without bindings answers a manifest that decodes strictly",
    async run(probe) {
      const manifest = manifestOf(await probe.describe([]), "Describe");
      ensure(manifest.name !== "", "the manifest names no service");
      return `${manifest.name} ${manifest.version}, ${manifest.bindings.length} bindings`;
    },
  },
  {
    name: "describe-empty-request",
    rule: "§11",
    requires: "Describe answers a manifest to an empty message: every field is optional on the wire",
    async run(probe) {
      manifestOf(await describeWith(probe, new Uint8Array()), "an empty Describe");
    },
  },
  {
    name: "describe-stable",
    rule: "§7.1",
    requires: "the manifest is the same at every call",
    async run(probe) {
      const first = manifestOf(await probe.describe([]), "Describe");
      for (const _ of [2, 3, 4]) same(first, manifestOf(await probe.describe([]), "a later Describe"), "a later call");
    },
  },
  {
    name: "describe-same-on-new-connection",
    rule: "§7.1",
    requires: "the manifest is the same on another connection and to another gateway",
    async run(probe) {
      const first = manifestOf(await probe.describe([]), "Describe");
      using other = probe.connect();
      same(
        first,
        manifestOf(await probe.describe([], { connection: other, gatewayId: "another-gateway" }), "another gateway"),
        "another gateway",
      );
    },
  },
  {
    name: "describe-ignores-unknown-fields",
    rule: "§11",
    requires: "fields of a newer contract in Describe are ignored",
    async run(probe) {
      const manifest = await probe.manifest();
      const bytes = withUnknownFields(
        encodeDescribe(bindingsUnderTest(manifest, probe.options), { reviewMs: probe.options.reviewMs }),
      );
      same(manifest, manifestOf(await describeWith(probe, bytes), "Describe with unknown fields"), "unknown fields");
    },
  },
  {
    name: "describe-accepts-bindings",
    rule: "§7.1",
    requires: "Describe that lists the bindings with their limits, config and config digest answers the same manifest",
    async run(probe) {
      const manifest = await probe.manifest();
      const bindings = bindingsUnderTest(manifest, probe.options);
      const answer = await probe.describe(bindings);
      const hint = "; where a binding takes a config, give one: --config ID=JSON";
      if (answer.kind === "status") fail(`Describe ends with ${statusName(answer.code)}: ${quoted(answer.details)}${hint}`);
      same(manifest, manifestOf(answer, "Describe"), "bindings in the request");
    },
  },
  {
    name: "describe-foreign-binding",
    rule: "§7.3",
    requires: "Describe that lists a binding the service does not have answers the manifest, or refuses, and harms nothing",
    async run(probe) {
      const [binding] = bindingsUnderTest(await probe.manifest(), probe.options);
      if (binding !== undefined) {
        const answer = await probe.describe([{ ...binding, id: "not-of-this-service", configJson: "", configDigest: "" }]);
        if (answer.kind === "reply") manifestOf(answer, "Describe");
        else
          ensure(
            answer.code !== STATUS.DEADLINE_EXCEEDED && answer.code !== STATUS.UNAVAILABLE,
            `Describe ends with ${statusName(answer.code)}`,
          );
      }
      await probe.stillServes("a Describe that lists a binding it does not have");
    },
  },
  {
    name: "describe-garbage",
    rule: "§9",
    requires: "bytes that are no DescribeRequest are an error, and harm nothing",
    async run(probe) {
      for (const bytes of [
        [0xff, 0xff, 0xff],
        [0x0a, 0x7f, 0x41],
        [0x0a, 0x02, 0xc3, 0x28],
      ]) {
        const answer = await describeWith(probe, Uint8Array.from(bytes));
        ensure(answer.kind === "status", `the bytes ${Buffer.from(bytes).toString("hex")} are answered with a manifest`);
      }
      await probe.stillServes("bytes that are no message");
    },
  },
  {
    name: "describe-concurrent",
    rule: "§7.4",
    requires: "several gateways may describe at once, and all get the manifest",
    async run(probe) {
      const manifest = await probe.manifest();
      const bindings = bindingsUnderTest(manifest, probe.options);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => probe.describe(bindings, { gatewayId: `gateway-${index}` })),
      );
      for (const answer of answers) same(manifest, manifestOf(answer, "one of 20 Describes at once"), "20 calls at once");
    },
  },
];

const describeWith = (probe: Probe, bytes: Uint8Array): Promise<Answer> =>
  probe.main.call(METHODS.describe, bytes, { withinMs: 5_000 });

function manifestOf(answer: Answer, what: string): Manifest {
  if (answer.kind === "status") return fail(`${what} ends with ${statusName(answer.code)}: ${quoted(answer.details)}`);
  ensure(
    answer.bytes.byteLength <= MAX_MANIFEST_BYTES,
    `a manifest of ${answer.bytes.byteLength} bytes, at most ${MAX_MANIFEST_BYTES}`,
  );
  const manifest = decodeStrict(Manifest, answer.bytes);
  return manifest.ok ? manifest.value : fail(`the answer of ${what} is ${manifest.error}`);
}

// encoding is deterministic here, and leaves out what this contract does not know
function same(first: Manifest, other: Manifest, when: string): void {
  const [before, after] = [first, other].map((manifest) => Buffer.from(Manifest.encode(manifest).finish()));
  ensure(before?.equals(after ?? Buffer.alloc(0)) === true, `the manifest differs with ${when}`);
}
