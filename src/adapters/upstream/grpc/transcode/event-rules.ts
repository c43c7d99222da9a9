import { ScalarType, type DescEnum, type DescField, type DescMessage, type DescMethod, type DescOneof } from "@bufbuild/protobuf";
import type { EventStreamPlan } from "../../../../model/route-plan.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import { nearestWord } from "../../../../support/edit-distance.ts";
import { methodFault } from "./own-rules.ts";
import type { ApiFault } from "./rule-faults.ts";

/** How the messages of one method become server-sent events. */
export interface EventRule {
  /** Where a message says its id; undefined: events have none. */
  readonly id: FieldWay | undefined;
  /** Where the request is told the last id a client has seen; undefined where there are no ids. */
  readonly resume: FieldWay | undefined;
  /** Where a message says its event's name; undefined: events have none. */
  readonly event: NameWay | undefined;
  /** Name of the gateway's own last event where the call ended with OK; empty: there is none. */
  readonly terminal: string;
  /** Told to the client at the beginning; undefined: nothing is. */
  readonly retryMs: number | undefined;
  /** Silence after which a comment is sent. */
  readonly keepAliveMs: number;
}

/** A field, and the messages it is in, outermost first. */
export interface FieldWay {
  readonly within: readonly (DescField & { readonly fieldKind: "message" })[];
  readonly field: DescField & { readonly fieldKind: "scalar" };
}

/** The same for what names an event: a text, a value of an enum, or which member of a `oneof` is set. */
export interface NameWay extends Pick<FieldWay, "within"> {
  readonly named:
    | { readonly kind: "text"; readonly field: FieldWay["field"] }
    | { readonly kind: "enum"; readonly field: DescField & { readonly fieldKind: "enum" }; readonly values: DescEnum }
    | { readonly kind: "oneof"; readonly oneof: DescOneof };
}

/** Silence after which a comment is sent where nothing is configured: below what most proxies allow. */
const KEEP_ALIVE_MS = 15_000;

/** Of methods nothing is configured for. */
export const PLAIN_EVENTS: EventRule = {
  id: undefined,
  resume: undefined,
  event: undefined,
  terminal: "",
  retryMs: undefined,
  keepAliveMs: KEEP_ALIVE_MS,
};

/** The rules of methods by their names, and all that is wrong with them. */
export function eventRules(
  plans: readonly EventStreamPlan[],
  methods: ReadonlyMap<string, DescMethod>,
): { readonly rules: ReadonlyMap<string, EventRule>; readonly faults: readonly ApiFault[] } {
  const rules = new Map<string, EventRule>();
  const faults: ApiFault[] = [];
  for (const [at, plan] of plans.entries()) {
    const method = methods.get(plan.method);
    const unfit = methodFault(plan.method, method, methods) ?? noStream(method);
    if (unfit !== undefined) faults.push({ ...unfit, pointer: `/sse/${at}/method` });
    if (method === undefined || unfit !== undefined) continue;
    const told = (key: string, fault: WayFault): undefined => void faults.push({ ...fault, pointer: `/sse/${at}/${key}` });
    const id = plan.id === "" ? undefined : fieldWay(method.output, plan.id);
    const resume = plan.resume === "" ? undefined : fieldWay(method.input, plan.resume);
    const event = plan.event === "" ? undefined : nameWay(method.output, plan.event);
    rules.set(plan.method, {
      id: id?.ok === false ? told("id", id.error) : id?.value,
      resume: resume?.ok === false ? told("resume", resume.error) : resume?.value,
      event: event?.ok === false ? told("event", event.error) : event?.value,
      terminal: plan.terminal,
      retryMs: plan.retryMs,
      keepAliveMs: plan.keepAliveMs,
    });
    if (id?.ok === true && resume?.ok === true && isText(id.value) !== isText(resume.value))
      told("resume", {
        message: `${plan.resume} is of another type than ${plan.id}`,
        hint: "both whole numbers, or both strings",
      });
  }
  return { rules, faults };
}

/** Whether ids are opaque texts; else they are whole numbers that grow. */
export const isText = ({ field }: FieldWay): boolean => field.scalar === ScalarType.STRING;

type WayFault = Omit<ApiFault, "pointer">;

const noStream = (method: DescMethod | undefined): WayFault | undefined =>
  method?.methodKind === "unary" ? { message: `${method.name} is no stream: its answers are no events` } : undefined;

function fieldWay(message: DescMessage, path: string): Result<FieldWay, WayFault> {
  const way = memberAt(message, path);
  if (!way.ok) return way;
  const { within, member } = way.value;
  if (member.kind === "field" && member.fieldKind === "scalar" && ID_TYPES.has(member.scalar))
    return ok({ within, field: member });
  return err({ message: `${path} of ${message.typeName} is neither a whole number nor a string` });
}

function nameWay(message: DescMessage, path: string): Result<NameWay, WayFault> {
  const way = memberAt(message, path);
  if (!way.ok) return way;
  const { within, member } = way.value;
  if (member.kind === "oneof") return ok({ within, named: { kind: "oneof", oneof: member } });
  if (member.fieldKind === "enum") return ok({ within, named: { kind: "enum", field: member, values: member.enum } });
  if (member.fieldKind === "scalar" && member.scalar === ScalarType.STRING)
    return ok({ within, named: { kind: "text", field: member } });
  return err({ message: `${path} of ${message.typeName} is neither a string nor an enum nor a oneof` });
}

/** The member a dotted path leads to. */
function memberAt(
  message: DescMessage,
  path: string,
): Result<{ readonly within: FieldWay["within"]; readonly member: DescField | DescOneof }, WayFault> {
  const within: FieldWay["within"][number][] = [];
  const parts = path.split(".");
  let inner = message;
  for (const [at, part] of parts.entries()) {
    const field = inner.fields.find(({ name }) => name === part);
    const member = field ?? inner.oneofs.find(({ name }) => name === part);
    if (member === undefined) {
      const meant = nearestWord(
        part,
        [...inner.fields, ...inner.oneofs].map(({ name }) => name),
      );
      const unknown = { message: `${inner.typeName} has no field ${part}` };
      return err(meant === undefined ? unknown : { ...unknown, hint: `did you mean ${meant}?` });
    }
    if (at === parts.length - 1) return ok({ within, member });
    if (field?.fieldKind !== "message") return err({ message: `${part} of ${inner.typeName} is no message` });
    within.push(field);
    inner = field.message;
  }
  return err({ message: "expected a field" });
}

const ID_TYPES: ReadonlySet<ScalarType> = new Set([
  ...[ScalarType.STRING, ScalarType.INT32, ScalarType.INT64, ScalarType.UINT32, ScalarType.UINT64, ScalarType.SINT32],
  ...[ScalarType.SINT64, ScalarType.FIXED32, ScalarType.FIXED64, ScalarType.SFIXED32, ScalarType.SFIXED64],
]);
