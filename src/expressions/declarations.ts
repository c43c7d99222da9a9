import { Environment } from "@marcbachmann/cel-js";
import { EXPRESSION_CHARACTERS } from "../model/limits.ts";
import type { Phase } from "../model/phase.ts";

const LABELS = "map<string, string>";

/** The fields of the view a condition may read, with their types (C22). `dyn` is known only when it is read. */
const FIELDS = {
  request: {
    id: "string",
    protocol: "string",
    method: "string",
    scheme: "string",
    host: "string",
    path: "string",
    query: "map<string, list<string>>",
    headers: "map<string, string>",
    body: "dyn",
  },
  response: { status: "int", headers: "map<string, string>", body: "dyn" },
  principal: {
    id: "string",
    anonymous: "bool",
    type: "string",
    tenants: "list<string>",
    scopes: "list<string>",
    roles: "list<string>",
    claims: "map<string, dyn>",
  },
  tenant: { id: "string" },
  route: { name: "string", labels: LABELS },
  client: { address: "string", tls_subject: "string" },
} as const;

/** A root of the view with named fields. */
export type RootName = keyof typeof FIELDS;

/** Whether a name is such a root. */
export const isRoot = (name: string): name is RootName => Object.hasOwn(FIELDS, name);

/** Why a root is not there at a phase; undefined where it is. */
export function absenceOf(root: RootName, phase: Phase): string | undefined {
  if (phase === "pre-auth" && (root === "principal" || root === "tenant"))
    return `there is no ${root} at pre-auth: nobody is authenticated yet`;
  if (phase !== "post-response" && root === "response") return `there is no response at ${phase}, only at post-response`;
  return undefined;
}

/** Bounds of one expression. */
export const EXPRESSION_LIMITS = {
  chars: EXPRESSION_CHARACTERS,
  nodes: 1000,
  depth: 64,
  listItems: 500,
  mapEntries: 100,
  comprehensions: 2,
} as const;

/** Parses and type-checks; evaluates nothing: its regular expressions backtrack, and it has no bound on work. */
export function checker(): Environment {
  const { nodes, depth, listItems, mapEntries } = EXPRESSION_LIMITS;
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    limits: { maxAstNodes: nodes, maxDepth: depth, maxListElements: listItems, maxMapEntries: mapEntries, maxCallArguments: 8 },
  });
  for (const [root, fields] of Object.entries(FIELDS)) {
    const type = `sallyport.${root}`;
    environment.registerType(type, { fields: { ...fields } });
    environment.registerVariable(root, type);
  }
  return environment.registerVariable("labels", LABELS);
}
