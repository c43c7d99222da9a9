/** Header lines a client sends, and what must become of its trace. Cases of our own for what W3C Trace Context level 1 says. */
export interface TraceCase {
  readonly name: string;
  readonly lines: readonly (readonly [name: string, value: string])[];
  /** `continued`: the same trace id under another parent; `new`: another trace id. */
  readonly trace: "continued" | "new";
  /** The sampled bit sent on; a new trace is sampled. */
  readonly sampled: boolean;
  /** What is sent on as `tracestate`, lines joined by a comma; undefined: none. */
  readonly state: string | undefined;
}

/** The trace id all cases use where they have one. */
export const TRACE_ID = "12345678901234567890123456789012";

const PARENT = "1234567890123456";
const VALID = `00-${TRACE_ID}-${PARENT}-01`;

type Line = readonly [string, string];

const parent = (value: string, name = "traceparent"): Line => [name, value];
const states = (...values: readonly string[]): readonly Line[] => values.map((value): Line => ["tracestate", value]);

const begins = (name: string, ...lines: readonly Line[]): TraceCase => ({
  name: `begins a new trace: ${name}`,
  lines,
  trace: "new",
  sampled: true,
  state: undefined,
});

const continues = (name: string, lines: readonly Line[], more: Partial<TraceCase> = {}): TraceCase => ({
  name: `continues the trace: ${name}`,
  lines,
  trace: "continued",
  sampled: true,
  state: undefined,
  ...more,
});

const keeps = (name: string, state: string, values: readonly string[] = [state]): TraceCase =>
  continues(`with its state: ${name}`, [parent(VALID), ...states(...values)], { state });

const drops = (name: string, ...values: readonly string[]): TraceCase =>
  continues(`without a state that cannot be read: ${name}`, [parent(VALID), ...states(...values)]);

const TRACEPARENTS: readonly TraceCase[] = [
  begins("nothing was sent"),
  begins("a state without a parent", ...states("a=1")),
  begins("two parents", parent(VALID), parent(VALID.replace("1234567890", "1234567891"))),
  begins("the same parent twice", parent(VALID), parent(VALID)),
  begins("a parent under another name", parent(VALID, "trace-parent")),
  begins("a parent under a name with a dot", parent(VALID, "trace.parent")),
  continues("a valid parent", [parent(VALID)]),
  ...["TraceParent", "TrAcEpArEnT", "TRACEPARENT"].map((name) => continues(`the name as ${name}`, [parent(VALID, name)])),
  ...[` ${VALID}`, `\t${VALID}`, `${VALID} `, `${VALID}\t`, `\t ${VALID} \t`].map((value) =>
    continues(`white space around ${JSON.stringify(value)}`, [parent(value)]),
  ),
  continues("not sampled", [parent(`00-${TRACE_ID}-${PARENT}-00`)], { sampled: false }),
  ...["03", "ff", "81"].map((flags) =>
    continues(`unknown flags ${flags} are not sent on`, [parent(`00-${TRACE_ID}-${PARENT}-${flags}`)]),
  ),
  ...["02", "fe", "80"].map((flags) =>
    continues(`unknown flags ${flags}, not sampled`, [parent(`00-${TRACE_ID}-${PARENT}-${flags}`)], { sampled: false }),
  ),
];

const VERSIONS: readonly TraceCase[] = [
  begins("version 00 with more behind it", parent(`${VALID}-what-the-future-will-be-like`)),
  begins("version 00 with a dot behind it", parent(`${VALID}.`)),
  begins("version 00 with a dash behind it", parent(`${VALID}-`)),
  ...["01", "cc", "fe"].flatMap((version) => [
    continues(`version ${version}`, [parent(`${version}-${TRACE_ID}-${PARENT}-01`)]),
    continues(`version ${version} with more behind it`, [parent(`${version}-${TRACE_ID}-${PARENT}-01-future`)]),
    begins(`version ${version} with something else behind it`, parent(`${version}-${TRACE_ID}-${PARENT}-01.future`)),
    begins(`version ${version} with a flag of three digits`, parent(`${version}-${TRACE_ID}-${PARENT}-011`)),
  ]),
  ...["ff", ".0", "0.", "0", "000", "0000", "FF", "CC", "", " 0", "0x"].map((version) =>
    begins(`the version ${JSON.stringify(version)}`, parent(`${version}-${TRACE_ID}-${PARENT}-01`)),
  ),
];

const PARTS: readonly TraceCase[] = [
  ...[
    "0".repeat(32),
    `.${TRACE_ID.slice(1)}`,
    `${TRACE_ID.slice(1)}.`,
    `${TRACE_ID}3`,
    TRACE_ID.slice(1),
    "A".repeat(32),
    "",
  ].map((id) => begins(`the trace id ${JSON.stringify(id)}`, parent(`00-${id}-${PARENT}-01`))),
  ...["0".repeat(16), `.${PARENT.slice(1)}`, `${PARENT.slice(1)}.`, `${PARENT}7`, PARENT.slice(1), "A".repeat(16), ""].map((id) =>
    begins(`the parent id ${JSON.stringify(id)}`, parent(`00-${TRACE_ID}-${id}-01`)),
  ),
  ...[".0", "0.", "001", "1", "", "0A", "0g", " 1"].map((flags) =>
    begins(`the flags ${JSON.stringify(flags)}`, parent(`00-${TRACE_ID}-${PARENT}-${flags}`)),
  ),
  ...[
    VALID.toUpperCase().replaceAll("1", "A"),
    VALID.replaceAll("-", "_"),
    VALID.replaceAll("-", ""),
    `"${VALID}"`,
    `${VALID},${VALID}`,
  ].map((value) => begins(`the value ${JSON.stringify(value)}`, parent(value))),
];

const ALL_VALUE = Array.from({ length: 0x7e - 0x20 + 1 }, (_, index) => String.fromCharCode(0x20 + index))
  .filter((character) => character !== "," && character !== "=")
  .join("");

const many = (count: number): string => Array.from({ length: count }, (_, index) => `k${index}=${index}`).join(",");

const STATES: readonly TraceCase[] = [
  keeps("one member", "a=1"),
  keeps("two members", "a=1,b=2"),
  keeps("several lines", "a=1,b=2,c=3,d=4", ["a=1,b=2", "c=3", "d=4"]),
  keeps("white space between members", "a=1 \t , \t b=2, \t c=3"),
  keeps("a tenant", "t61rcwkgmze@vendor=00f067aa0ba902b7"),
  keeps("a tenant that begins with a digit", "0t@v=1"),
  keeps("every character a key may have", "abcdefghijklmnopqrstuvwxyz0123456789_-*/=1"),
  keeps("every character a tenant and a vendor may have", "0az9_-*/@a-z0_-*/=1"),
  keeps("every character a value may have", `a=${ALL_VALUE}`),
  keeps("a key of 256", `${"z".repeat(256)}=1`),
  keeps("a tenant of 241 and a vendor of 14", `${"t".repeat(241)}@${"v".repeat(14)}=1`),
  keeps("a value of 256", `a=${"v".repeat(256)}`),
  keeps("32 members", many(32)),
  keeps("32 members on two lines", many(32), [many(32).split(",k16")[0] ?? "", `k16${many(32).split(",k16")[1] ?? ""}`]),
  keeps("an empty member", "a=1,,b=2"),
  keeps("512 characters and more", Array.from({ length: 8 }, (_, index) => `k${index}=${"v".repeat(80)}`).join(",")),
  drops("an empty line", ""),
  drops("nothing but commas", ", ,"),
  drops("a key twice", "a=1,a=1"),
  drops("a key twice with two values", "a=1,a=2"),
  drops("a key twice on two lines", "a=1", "a=2"),
  drops("33 members", many(33)),
  drops("33 members on two lines", many(32), "last=1"),
  drops("one bad member among good ones", "a=1,B=2,c=3"),
  ...["a", "=1", "a=", "a=,b=3", "a =1", "A=1", "a.b=1", "0a=1", "_a=1", "a@=1", "@a=1", "a@@b=1", "a@b@c=1", "a@0=1"].map(
    (member) => drops(JSON.stringify(member), member),
  ),
  drops("a value with an equals sign", "a=b=c"),
  drops("a key of 257", `${"z".repeat(257)}=1`),
  drops("a tenant of 242", `${"t".repeat(242)}@v=1`),
  drops("a vendor of 15", `t@${"v".repeat(15)}=1`),
  drops("a value of 257", `a=${"v".repeat(257)}`),
  continues("a state under another name is no state", [parent(VALID), ["trace-state", "a=1"]]),
  ...["TraceState", "TRACESTATE"].map((name) =>
    continues(`the state's name as ${name}`, [parent(VALID), [name, "a=1"]], { state: "a=1" }),
  ),
  begins("an invalid parent takes the state with it", parent(`${VALID}x`), ...states("a=1")),
];

/** All of them. */
export const TRACE_CASES: readonly TraceCase[] = [...TRACEPARENTS, ...VERSIONS, ...PARTS, ...STATES];
