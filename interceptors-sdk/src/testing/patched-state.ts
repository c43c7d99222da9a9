import { fromPlain, type Json } from "@sallyport/contract/json.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { joinLines } from "@sallyport/contract/header-text.ts";
import { LIMITS } from "@sallyport/contract/limits.ts";
import { applyFieldPatches, checkFieldValue, type CheckedChange } from "@sallyport/contract/patch-fields.ts";
import { err, ok, type Result } from "@sallyport/contract/result.ts";
import { type Field, fieldTokens } from "@sallyport/contract/view-field.ts";
import type { CompiledBinding } from "../interceptor.ts";
import type { ExchangeState } from "./exchange.ts";
import { clientOf, principalOf } from "./wire-view.ts";

/** The exchange with a verdict's patches applied, all or none; the error says which one was refused, and why. */
export function patchedState(
  state: ExchangeState,
  operations: readonly PatchOperation[],
  grant: { readonly reader: CompiledBinding; readonly powers: readonly string[] },
): Result<ExchangeState> {
  const { needs, writes } = grant.reader;
  const changes = applyFieldPatches(operations, {
    read: (field) => valueOf(state, field),
    shown: (field) => needs.covers(fieldTokens(field)),
    writable: (tokens) => writes.covers(tokens) && (tokens[2] !== "set-cookie" || grant.powers.includes("set-cookies")),
    maxBytes: LIMITS.maxBodyBytes.fallback,
  });
  if (!changes.ok)
    return err(`patch_rejected: operation ${changes.error.opIndex} at ${changes.error.path}: ${changes.error.code}`);
  let next = state;
  for (const [pointer, change] of changes.value) {
    const checked = checkFieldValue(change, { bodyFormat: state.format });
    if (!checked.ok) return err(`patch_rejected: ${pointer}: ${checked.error}`);
    next = changed(next, checked.value);
  }
  return ok(next);
}

function valueOf(state: ExchangeState, field: Field): Json | undefined {
  switch (field.kind) {
    case "request":
      return state.members[field.member];
    case "query":
      return state.query.get(field.name);
    case "header": {
      const lines = state.headers[field.side].get(field.name);
      return lines && joinLines(field.name, lines);
    }
    case "body":
      return state.bodies[field.side];
    case "status":
      return state.status;
    case "label":
      return state.labels.get(field.name);
    case "readonly":
      return givenAt(state, fieldTokens(field));
    default:
      return field satisfies never;
  }
}

/** What no patch changes, as the view shows it: a patch may test it, or copy from it. */
function givenAt({ given }: ExchangeState, [root, ...names]: readonly string[]): Json | undefined {
  const { claimsJson: _, ...principal } = principalOf(given.principal ?? {});
  const roots: Readonly<Record<string, unknown>> = {
    principal: { ...principal, claims: given.principal?.claims ?? {} },
    tenant: { id: given.tenant?.id ?? "" },
    route: { name: given.route?.name ?? "", labels: given.route?.labels ?? {} },
    client: clientOf(given),
  };
  let at: unknown = root === undefined ? undefined : roots[root];
  for (const name of names) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = Reflect.get(at, name);
  }
  const json = at === undefined ? undefined : fromPlain(at);
  return json?.ok === true ? json.value : undefined;
}

function changed(state: ExchangeState, change: CheckedChange): ExchangeState {
  switch (change.kind) {
    case "method":
      return { ...state, members: { ...state.members, method: change.method } };
    case "path":
      return { ...state, members: { ...state.members, path: change.path } };
    case "query":
      return { ...state, query: withEntry(state.query, change.name, change.values) };
    case "header": {
      const before = state.headers[change.side];
      const kept = change.effect === "append" ? (before.get(change.name) ?? []) : [];
      const lines = change.lines && [...kept, ...change.lines];
      return { ...state, headers: { ...state.headers, [change.side]: withEntry(before, change.name, lines) } };
    }
    case "label":
      return { ...state, labels: withEntry(state.labels, change.name, change.value) };
    case "status":
      return { ...state, status: change.status };
    case "body":
      return { ...state, bodies: { ...state.bodies, [change.side]: bodyJson(change.body) } };
    default:
      return change satisfies never;
  }
}

function withEntry<T>(entries: ReadonlyMap<string, T>, name: string, value: T | undefined): ReadonlyMap<string, T> {
  const next = new Map(entries);
  if (value === undefined) next.delete(name);
  else next.set(name, value);
  return next;
}

function bodyJson(body: Extract<CheckedChange, { kind: "body" }>["body"]): Json | undefined {
  switch (body?.format) {
    case undefined:
      return undefined;
    case "json":
      return body.json;
    case "text":
      return body.text;
    case "bytes":
      return Buffer.from(body.bytes).toString("base64");
    default:
      return body satisfies never;
  }
}
