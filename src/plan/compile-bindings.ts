import { compilePointers } from "@sallyport/contract/view-field.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { BindingConfig, InterceptorConfig } from "../config/interceptor-config.ts";
import type { Manifest } from "../model/manifest.ts";
import type { BindingPlan } from "../model/plan.ts";
import { grantBindings, type GrantedBinding } from "../review/grant.ts";
import { spelled, type HiddenNames } from "../review/hidden.ts";
import { audienceFault } from "./audience-fault.ts";
import { declarationFault, isHiddenPointer } from "./declaration-fault.ts";
import { bindingDigest } from "./digest.ts";
import { grantedDraft, undescribedDraft, type Draft } from "./draft-binding.ts";
import { enforces } from "./enforces.ts";
import type { Issues } from "./issues.ts";
import { pinFault } from "./manifest-digest.ts";
import { compareBindings } from "./order.ts";

/** A binding of the plan and where the operator wrote it; the interceptor's place where the operator did not list it. */
export interface PlacedBinding {
  readonly binding: BindingPlan;
  readonly pointer: string;
}

/** What is known when bindings are compiled. */
export interface BindingSources {
  readonly config: GatewayConfig;
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly hidden: HiddenNames;
  readonly issues: Issues;
}

/** The same, around the bindings of one interceptor. */
interface Surroundings extends BindingSources {
  readonly interceptor: InterceptorConfig;
  readonly pointer: string;
}

/** All granted bindings in execution order (C30). Interceptors without a manifest keep what the operator lists, marked as not described (C32). */
export function compileBindings(sources: BindingSources): readonly PlacedBinding[] {
  const drafts = sources.config.interceptors.flatMap((interceptor, index) => {
    const around: Surroundings = { ...sources, interceptor, pointer: `/interceptors/${index}` };
    const manifest = sources.manifests.get(interceptor.name);
    return manifest === undefined ? undescribedBindings(around) : describedBindings(around, manifest);
  });
  return sealed(drafts).toSorted((a, b) => compareBindings(a.binding, b.binding));
}

interface PlacedDraft {
  readonly draft: Draft;
  readonly pointer: string;
}

function describedBindings(around: Surroundings, manifest: Manifest): readonly PlacedDraft[] {
  const { interceptor, issues, pointer } = around;
  const { name, grant: policy } = interceptor;
  const fault = audienceFault(interceptor, manifest);
  if (fault !== undefined) issues.add(`${pointer}/audience`, fault);
  const unpinned = pinFault(interceptor, manifest);
  if (unpinned !== undefined) issues.add(`${pointer}/manifest_digest`, unpinned);
  const grant = grantBindings(policy, interceptor.bindings, manifest);
  for (const { operator, reason } of grant.refused) issues.add(bindingPointer(around, operator), reason);
  for (const { id, phase } of grant.extra) {
    if (policy === "exact")
      issues.add(`${pointer}/grant`, `grant is exact, and the manifest declares "${id}" (${phase}), which is not listed`);
    else
      issues.warn(pointer, `the manifest of ${name} declares "${id}" (${phase}), which is not listed and therefore not granted`);
  }
  if (policy === "dynamic")
    issues.warn(`${pointer}/grant`, `grant is dynamic: whatever the manifest of ${name} declares is bound`);
  return grant.granted.flatMap((granted) => placeGranted(around, granted, manifest));
}

function placeGranted(around: Surroundings, granted: GrantedBinding<BindingConfig>, service: Manifest): readonly PlacedDraft[] {
  const pointer = granted.operator === undefined ? around.pointer : bindingPointer(around, granted.operator);
  const fault = declarationFault(granted, around.hidden);
  if (fault !== undefined) {
    around.issues.add(pointer, fault);
    return [];
  }
  const draft = grantedDraft(around.interceptor, around.config.routes, { ...granted, service });
  for (const gap of gapsOf(granted, draft, around.hidden)) around.issues.warn(pointer, gap);
  return [{ pointer, draft }];
}

/** What the service asked for and, by the operator's word, does not have: legal, and worth knowing. */
function gapsOf({ declaration }: GrantedBinding<BindingConfig>, draft: Draft, hidden: HiddenNames): readonly string[] {
  const name = `${draft.interceptor}/${draft.id}`;
  const unseen = draft.needs.filter((pointer) => isHiddenPointer(pointer, hidden) && !draft.expose.includes(pointer));
  const disowned = declaration.ownsHeaders.filter((header) => !draft.ownsHeaders.includes(header));
  const unguarded = draft.failurePolicy === "fail-open" && enforces(draft) ? draft.ownsHeaders : [];
  const opened = declaration.failClosed && draft.mode !== "observe" && draft.failurePolicy === "fail-open" && enforces(draft);
  return [
    ...unseen.map((pointer) => `${name} asks for ${pointer}, which is hidden and not exposed: it is never shown`),
    ...disowned.map(
      (header) => `${name} owns the header ${header}, but is not granted to write it: what clients send there stays`,
    ),
    ...unguarded.map(
      (header) =>
        `${name} owns the header ${header} and is fail-open: until it was first described, what clients send there stays`,
    ),
    ...(opened ? [`${name} asks to be fail-closed and is fail-open`] : []),
  ];
}

function undescribedBindings(around: Surroundings): readonly PlacedDraft[] {
  const { interceptor, config } = around;
  const listed = interceptor.bindings.filter(({ enabled }) => enabled);
  return listed.map((operator) => ({
    pointer: bindingPointer(around, operator),
    draft: undescribedDraft(interceptor, config.routes, operator),
  }));
}

const bindingPointer = ({ interceptor, pointer }: Surroundings, operator: BindingConfig): string =>
  `${pointer}/bindings/${interceptor.bindings.indexOf(operator)}`;

/** Bindings that know which request headers belong to others (C10), and their identity. */
function sealed(drafts: readonly PlacedDraft[]): readonly PlacedBinding[] {
  const owners = drafts
    .filter(({ draft }) => enforces(draft))
    .flatMap((entry) => entry.draft.ownsHeaders.map((name) => ({ name, entry })));
  return drafts.map((entry) => {
    const { draft, pointer } = entry;
    const writes = compilePointers(draft.writes.map(spelled));
    // only those it could write otherwise: what another binding comes to own is no change of this one
    const foreign =
      draft.writes.length === 0
        ? []
        : owners.filter(
            ({ name, entry: owner }) =>
              owner !== entry && writes.ok && writes.value.covers(["request", "headers", spelled(name)]),
          );
    const binding = { ...draft, foreignHeaders: [...new Set(foreign.map(({ name }) => name))].toSorted() };
    return { pointer, binding: { ...binding, digest: bindingDigest(binding) } };
  });
}
