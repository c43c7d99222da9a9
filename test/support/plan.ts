import { formatIssue, type ConfigIssue } from "../../src/model/config-issue.ts";
import type { BindingDeclaration, Manifest } from "../../src/model/manifest.ts";
import type { BindingPlan, ExecutionPlan } from "../../src/model/plan.ts";
import type { Result } from "../../src/model/result.ts";
import { compile } from "../../src/plan/compile.ts";
import { configOf, type Surroundings } from "./config-text.ts";

/** A section of a configuration as its YAML would be read. */
export type Section = Readonly<Record<string, unknown>>;

/** A configuration of these routes and interceptors, complete otherwise. JSON is YAML too. */
export const configText = (
  sections: { readonly routes?: readonly Section[]; readonly interceptors?: readonly Section[] } & Section,
): string =>
  JSON.stringify({
    version: 1,
    listeners: [{ name: "public", address: "127.0.0.1:8080" }],
    upstreams: { orders: { endpoints: ["http://127.0.0.1:9000"] } },
    routes: [route("orders")],
    ...sections,
  });

/** An open route below `/v1/<name>`. */
export const route = (name: string, keys: Section = {}): Section => ({
  name,
  match: { path: `/v1/${name}/**` },
  authenticate: ["anonymous"],
  upstream: "orders",
  ...keys,
});

/** An interceptor that listens in the clear, which needs no files. */
export const interceptor = (name: string, bindings: readonly Section[], keys: Section = {}): Section => ({
  name,
  endpoint: "grpc://127.0.0.1:7443",
  allow_insecure: true,
  bindings,
  ...keys,
});

/** What an operator lists of one binding. */
export const listed = (id: string, keys: Section = {}): Section => ({ id, phase: "pre-route", mode: "mutate", ...keys });

/** What a service declares of one binding. */
export const declared = (id: string, parts: Partial<BindingDeclaration> = {}): BindingDeclaration => ({
  id,
  phase: "pre-route",
  mode: "mutate",
  selector: { methods: [], hosts: [], paths: [] },
  needs: [],
  writes: [],
  ownsHeaders: [],
  cacheable: false,
  idempotent: false,
  body: undefined,
  failClosed: false,
  ...parts,
});

/** The manifest of a service with these bindings. */
export const manifest = (...bindings: readonly BindingDeclaration[]): Manifest => ({
  name: "svc",
  version: "1.0.0",
  bindings,
  expectedAudience: "",
  stateScope: "none",
  revokes: false,
});

/** Manifests by the name of their interceptor. */
export type Manifests = Readonly<Record<string, Manifest>>;

/** Compiles a configuration; every interceptor without a manifest is not yet described. */
export async function compileText(
  text: string,
  manifests: Manifests = {},
  surroundings?: Surroundings,
): Promise<Result<ExecutionPlan, readonly ConfigIssue[]>> {
  const { config, positions } = await configOf(text, surroundings);
  return compile(config, new Map(Object.entries(manifests)), (pointer) => positions.at(pointer));
}

/** The plan; fails with its issues where there are any. */
export async function planOf(text: string, manifests?: Manifests, surroundings?: Surroundings): Promise<ExecutionPlan> {
  const plan = await compileText(text, manifests, surroundings);
  if (plan.ok) return plan.value;
  throw new Error(plan.error.map(formatIssue).join("\n"));
}

/** `/pointer: message (hint)` of every issue. */
export async function planIssues(text: string, manifests?: Manifests): Promise<readonly string[]> {
  const plan = await compileText(text, manifests);
  return plan.ok
    ? []
    : plan.error.map(({ pointer, message, hint }) => `${pointer}: ${message}${hint === undefined ? "" : ` (${hint})`}`);
}

/** Warnings without their place in the file. */
export const warningsOf = ({ warnings }: ExecutionPlan): readonly string[] =>
  warnings.map((warning) => warning.replace(/^[^/]*/, "")).filter((warning) => !warning.includes("travel unprotected"));

/** The bindings of one route, as `interceptor/id`, in the order they run. */
export function bindingsOn(plan: ExecutionPlan, routeName: string): readonly string[] {
  const found = plan.routes.find(({ name }) => name === routeName);
  return (found?.bindings ?? []).map((index) => nameOf(plan.bindings[index]));
}

/** One binding of a plan. */
export function bindingOf(plan: ExecutionPlan, id: string): BindingPlan {
  const found = plan.bindings.find((binding) => binding.id === id);
  if (found === undefined) throw new Error(`no binding ${id}`);
  return found;
}

const nameOf = (binding: BindingPlan | undefined): string => `${binding?.interceptor}/${binding?.id}`;
