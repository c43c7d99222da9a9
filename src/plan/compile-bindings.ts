import type { BindingConfig, GatewayConfig, InterceptorConfig, RouteConfig, SelectorConfig } from "../config/gateway-config.ts";
import type { BindingDeclaration, Manifest } from "../model/manifest.ts";
import type { BindingPlan, Selector } from "../model/plan.ts";
import { grantBindings, type GrantedBinding } from "../review/grant.ts";
import { parsePathPattern } from "../config/path-pattern.ts";
import { bindingDigest, configDigest } from "./digest.ts";
import type { Issues } from "./issues.ts";
import { compareBindings } from "./order.ts";

/** A binding of the plan and where the operator wrote it; the interceptor's place where the operator did not list it. */
export interface PlacedBinding {
  readonly binding: BindingPlan;
  readonly pointer: string;
}

/** What compiling the bindings of one interceptor needs around it. */
interface Surroundings {
  readonly config: GatewayConfig;
  readonly interceptor: InterceptorConfig;
  readonly pointer: string;
  readonly issues: Issues;
}

/** All granted bindings in execution order (C30). Interceptors without a manifest keep what the operator lists, marked as not described (C32). */
export function compileBindings(config: GatewayConfig, manifests: ReadonlyMap<string, Manifest>, issues: Issues): readonly PlacedBinding[] {
  const placed = config.interceptors.flatMap((interceptor, index) => {
    const around: Surroundings = { config, interceptor, pointer: `/interceptors/${index}`, issues };
    const manifest = manifests.get(interceptor.name);
    return manifest === undefined ? undescribedBindings(around) : describedBindings(around, manifest);
  });
  return withForeignHeaders(placed).toSorted((a, b) => compareBindings(a.binding, b.binding));
}

function describedBindings(around: Surroundings, manifest: Manifest): readonly PlacedBinding[] {
  const { interceptor, issues, pointer } = around;
  const grant = grantBindings(interceptor.grant, interceptor.bindings, manifest);
  for (const { operator, reason } of grant.refused) issues.add(bindingPointer(around, operator), reason);
  for (const { id, phase } of grant.extra) {
    if (interceptor.grant === "exact") issues.add(`${pointer}/grant`, `grant is exact, and the manifest declares "${id}" (${phase}), which is not listed`);
    else issues.warn(pointer, `the manifest of ${interceptor.name} declares "${id}" (${phase}), which is not listed and therefore not granted`);
  }
  if (interceptor.grant === "dynamic") issues.warn(pointer, `grant is dynamic: whatever the manifest of ${interceptor.name} declares is bound`);
  return grant.granted.flatMap((granted) => placeGranted(around, granted));
}

function placeGranted(around: Surroundings, granted: GrantedBinding<BindingConfig>): readonly PlacedBinding[] {
  const { declaration, operator } = granted;
  const pointer = operator === undefined ? around.pointer : bindingPointer(around, operator);
  const bad = declaration.selector.paths.find((source) => !parsePathPattern(source).ok);
  if (bad !== undefined) {
    around.issues.add(pointer, `the manifest's selector of "${declaration.id}" holds the path pattern "${bad.slice(0, 100)}", which is not in the pattern grammar`);
    return [];
  }
  return [{ pointer, binding: sealed(grantedPlan(around, granted)) }];
}

type Unsealed = Omit<BindingPlan, "digest">;

const sealed = (binding: Unsealed): BindingPlan => ({ ...binding, digest: bindingDigest(binding) });

function grantedPlan(around: Surroundings, granted: GrantedBinding<BindingConfig>): Unsealed {
  const { declaration, operator, needs, writes } = granted;
  return {
    ...operatorPart(around, operator),
    id: declaration.id,
    phase: declaration.phase,
    mode: granted.mode,
    selector: selectorOf(around, operator?.match ?? {}, declaration.selector),
    needs,
    writes,
    ownsHeaders: granted.ownsHeaders,
    body: touchesBody([...needs, ...writes]) ? (operator?.body ?? declaration.body ?? "json") : undefined,
    idempotent: declaration.idempotent,
    described: true,
    // observers can hold nothing up, whatever was written (C29)
    ...(granted.mode === "observe" ? { failurePolicy: "fail-open" as const } : {}),
  };
}

function undescribedBindings(around: Surroundings): readonly PlacedBinding[] {
  return around.interceptor.bindings
    .filter(({ enabled }) => enabled)
    .map((operator) => ({
      pointer: bindingPointer(around, operator),
      binding: sealed({
        ...operatorPart(around, operator),
        id: operator.id,
        phase: operator.phase,
        mode: operator.mode,
        selector: selectorOf(around, operator.match, NO_SELECTOR),
        needs: [],
        writes: [],
        ownsHeaders: [],
        body: undefined,
        idempotent: false,
        described: false,
      }),
    }));
}

const NO_SELECTOR: BindingDeclaration["selector"] = { methods: [], hosts: [], paths: [] };

type OperatorPart = Pick<
  Unsealed,
  "interceptor" | "order" | "expose" | "may" | "decode" | "failurePolicy" | "onUnreviewable" | "limits" | "configJson" | "configDigest" | "foreignHeaders"
>;

function operatorPart({ interceptor }: Surroundings, operator: BindingConfig | undefined): OperatorPart {
  const terms = operator?.terms ?? interceptor.terms;
  const configJson = operator?.configJson ?? "";
  return {
    interceptor: interceptor.name,
    order: [interceptor.order, operator?.order ?? 0],
    expose: operator?.expose ?? [],
    may: operator?.may ?? [],
    decode: terms.decode,
    failurePolicy: terms.failurePolicy,
    onUnreviewable: terms.onUnreviewable,
    limits: terms.limits,
    configJson,
    configDigest: configDigest(configJson),
    foreignHeaders: [],
  };
}

function bindingPointer({ interceptor, pointer }: Surroundings, operator: BindingConfig): string {
  return `${pointer}/bindings/${interceptor.bindings.indexOf(operator)}`;
}

const touchesBody = (pointers: readonly string[]): boolean =>
  pointers.some((pointer) => /^\/(request|response)($|\/body($|\/))/.test(pointer));

function selectorOf({ config }: Surroundings, match: SelectorConfig, manifest: BindingDeclaration["selector"]): Selector {
  return {
    routes: config.routes.filter((route) => selectsRoute(match, route)).map(({ name }) => name),
    ...present("hosts", match.hosts),
    ...present("paths", match.paths?.map(({ source }) => source)),
    ...present("methods", match.methods),
    ...present("principals", match.principals),
    ...present("labels", match.labels),
    ...present("when", match.when),
    manifest: {
      ...present("hosts", nonEmpty(manifest.hosts)),
      ...present("paths", nonEmpty(manifest.paths)),
      ...present("methods", nonEmpty(manifest.methods)),
    },
  };
}

function selectsRoute(match: SelectorConfig, route: RouteConfig): boolean {
  if (match.routes !== undefined && !match.routes.includes(route.name)) return false;
  if (match.exceptRoutes?.includes(route.name) === true) return false;
  return Object.entries(match.routeLabels ?? {}).every(([name, value]) => route.labels[name] === value);
}

const nonEmpty = (list: readonly string[]): readonly string[] | undefined => (list.length === 0 ? undefined : list);

// absent keys stay absent: a plan is compared and hashed as data
const present = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V }; // a computed key is not narrowed to K by the compiler

/** Tells every binding which request headers belong to others (C10). */
function withForeignHeaders(placed: readonly PlacedBinding[]): readonly PlacedBinding[] {
  const owners = new Map(placed.flatMap((entry) => entry.binding.ownsHeaders.map((name) => [name, entry] as const)));
  if (owners.size === 0) return placed;
  return placed.map((entry) => {
    const foreignHeaders = [...owners].filter(([, owner]) => owner !== entry).map(([name]) => name);
    const { digest: _digest, ...rest } = entry.binding;
    return { ...entry, binding: sealed({ ...rest, foreignHeaders }) };
  });
}
