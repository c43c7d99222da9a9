import type { ConfigIssue } from "../../model/config-issue.ts";
import { MODES, PHASES, type Mode, type Phase } from "../../model/phase.ts";
import { type Field, legalNeeds, legalWrites, parseFieldPointer } from "../../model/view-field.ts";
import { type HiddenNames, hiddenNames } from "../hidden-names.ts";
import { PROVIDER_SLOTS } from "../credential-presets.ts";
import { parseSlot } from "../schema/credential-slot.ts";
import type { Cursor } from "../source/cursor.ts";
import { mayQuote } from "../validate/found.ts";

/** `needs`, `writes` and `expose` name what the view has at that phase, and nothing that stays hidden (C10, C22, C23). */
export function checkViewPointers(config: Cursor): readonly ConfigIssue[] {
  const hidden = hiddenIn(config);
  return config
    .get("interceptors")
    .items()
    .flatMap((interceptor) =>
      interceptor
        .get("bindings")
        .items()
        .flatMap((binding) => {
          const phase = nameIn(PHASES, binding.get("phase").text());
          const mode = nameIn(MODES, binding.get("mode").text());
          if (phase === undefined || mode === undefined) return [];
          const terms: BindingTerms = { binding, phase, mode, hidden, exposed: new Set(binding.get("expose").texts()) };
          return [
            ...binding
              .get("expose")
              .items()
              .flatMap((pointer) => exposeIssues(pointer, terms)),
            ...binding
              .get("needs")
              .items()
              .flatMap((pointer) => needsIssues(pointer, terms)),
            ...binding
              .get("writes")
              .items()
              .flatMap((pointer) => writesIssues(pointer, terms)),
          ];
        }),
    );
}

interface BindingTerms {
  readonly binding: Cursor;
  readonly phase: Phase;
  readonly mode: Mode;
  readonly hidden: HiddenNames;
  readonly exposed: ReadonlySet<string>;
}

function exposeIssues(pointer: Cursor, { phase, mode }: BindingTerms): ConfigIssue[] {
  const field = fieldOf(pointer);
  // what is exposed is looked for in every verdict (C23), and "all headers" would be all of them
  if (field === undefined) return pointer.issue("expected the pointer of one header or query parameter");
  if (field.kind !== "header" && field.kind !== "query")
    return pointer.issue("only headers and query parameters can be exposed: nothing else is hidden");
  const legal = legalNeeds(phase, pointer.text() ?? "", mode);
  return legal.ok ? [] : pointer.issue(reasonFor(pointer, legal.error));
}

function needsIssues(pointer: Cursor, { phase, mode, hidden, exposed }: BindingTerms): ConfigIssue[] {
  const text = pointer.text() ?? "";
  const legal = legalNeeds(phase, text, mode);
  if (!legal.ok) return pointer.issue(reasonFor(pointer, legal.error));
  if (!isHidden(pointer, hidden) || exposed.has(text)) return [];
  return pointer.issue("this field is hidden: it may carry a credential", "list it in expose as well to grant reading it");
}

function writesIssues(pointer: Cursor, { binding, phase, hidden, exposed }: BindingTerms): ConfigIssue[] {
  const text = pointer.text() ?? "";
  if (exposed.has(text)) return pointer.issue("an exposed field is never written");
  if (text.startsWith(COOKIES)) {
    if (!binding.get("may").texts().includes("set-cookies"))
      return pointer.issue("setting cookies is a power of its own", "may: [set-cookies]");
  } else if (isHidden(pointer, hidden)) {
    return pointer.issue("a hidden field is never written");
  }
  const legal = legalWrites(phase, text);
  return legal.ok ? [] : pointer.issue(reasonFor(pointer, legal.error));
}

/** The reason names parts of the pointer, which the environment may have given. */
const reasonFor = (pointer: Cursor, reason: string): string =>
  pointer.node !== undefined && mayQuote(pointer.node, pointer.pointer) ? reason : "this pointer does not fit here";

const COOKIES = "/response/headers/set-cookie";

function isHidden(pointer: Cursor, hidden: HiddenNames): boolean {
  const field = fieldOf(pointer);
  if (field?.kind === "query") return hidden.query.has(field.name);
  return field?.kind === "header" && hidden.headers.has(field.name);
}

function fieldOf(pointer: Cursor): Field | undefined {
  const parsed = parseFieldPointer(pointer.text() ?? "");
  return parsed.ok ? parsed.value.field : undefined;
}

function hiddenIn(config: Cursor): HiddenNames {
  const slots = [
    ...config
      .get("authenticators")
      .entries()
      .flatMap(([, each]) => each.get("slots").texts()),
    ...config
      .get("upstreams")
      .entries()
      .flatMap(([, each]) => each.get("credential").get("slot").text() ?? []),
  ];
  const hasPreset = config
    .get("upstreams")
    .entries()
    .some(([, each]) => each.get("credential").get("preset").node !== undefined);
  const written = slots.map(parseSlot).flatMap((slot) => (slot.ok ? [slot.value] : []));
  const parsed = hasPreset ? [...written, ...PROVIDER_SLOTS] : written;
  const secrets = config.get("secrets");
  return hiddenNames(parsed, { headers: secrets.get("headers").texts(), query: secrets.get("query").texts() });
}

function nameIn<Name extends string>(table: Readonly<Record<Name, unknown>>, text: string | undefined): Name | undefined {
  for (const name in table) if (name === text) return name;
  return undefined;
}
