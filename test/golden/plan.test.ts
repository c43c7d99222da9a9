import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { apiIssues } from "../../src/app/route-apis.ts";
import { formatIssue } from "../../src/model/config-issue.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { toPlanJson } from "../../src/model/plan-json.ts";
import { compile } from "../../src/plan/compile.ts";
import { textFiles } from "../support/config-text.ts";
import { SHOP_DESCRIPTORS } from "../support/shop-api.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { filesMatching, REPOSITORY } from "../support/source-tree.ts";

// test/golden/plan/<case>.in.yaml and <case>.manifests.json give <case>.plan.json, or <case>.issues.txt where they do not compile.
// Every change of planning shows as a change of these files. UPDATE_GOLDEN=1 writes them anew: look at the difference before it is committed.
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";

const inputs = filesMatching("test/golden/plan/*.in.yaml");

/** Secrets the cases refer to. */
const FILES = {
  "ops.token": "t".repeat(32),
  "upstream.key": "k".repeat(32),
  "keys.yaml": "[]",
  "shop.binpb": Buffer.from(SHOP_DESCRIPTORS).toString("base64"),
};

describe("a compiled configuration", () => {
  it.each(inputs)("%s is compiled as it was before", async (input) => {
    const stem = input.slice(0, -".in.yaml".length);
    const outcome = await outcomeOf(input, `${stem}.manifests.json`);
    const other = outcome.ending === "plan.json" ? "issues.txt" : "plan.json";
    if (UPDATE) writeFileSync(join(REPOSITORY, `${stem}.${outcome.ending}`), outcome.text);
    expect(readFileSync(join(REPOSITORY, `${stem}.${outcome.ending}`), "utf8")).toBe(outcome.text);
    expect(filesMatching(`${stem}.${other}`)).toEqual([]);
  });

  it("has a case for each of its inputs, and no file without one", () => {
    expect(inputs.length).toBeGreaterThanOrEqual(6);
    const stems = new Set(inputs.map((path) => path.slice(0, -".in.yaml".length)));
    const others = filesMatching("test/golden/plan/*.{manifests.json,plan.json,issues.txt}");
    expect(others.filter((path) => !stems.has(path.replace(/\.(manifests\.json|plan\.json|issues\.txt)$/, "")))).toEqual([]);
  });
});

async function outcomeOf(
  input: string,
  manifests: string,
): Promise<{ readonly ending: "plan.json" | "issues.txt"; readonly text: string }> {
  const source = { file: "gateway.yaml", text: readFileSync(join(REPOSITORY, input), "utf8") };
  const files = Object.fromEntries(
    Object.entries(FILES).flatMap(([name, text]) => [
      [name, text],
      [join(dirname(source.file), name), text],
    ]),
  );
  const loaded = await loadConfig(source, { env: {}, readFile: textFiles(files) });
  if (!loaded.ok) return issuesText(loaded.error.map(formatIssue));
  const { config, positions } = loaded.value;
  const unknown = apiIssues(loaded.value);
  if (unknown.length > 0) return issuesText(unknown.map(formatIssue));
  const plan = compile(config, manifestsIn(manifests), (pointer) => positions.at(pointer));
  return plan.ok ? { ending: "plan.json", text: toPlanJson(plan.value) } : issuesText(plan.error.map(formatIssue));
}

const issuesText = (lines: readonly string[]): { readonly ending: "issues.txt"; readonly text: string } => ({
  ending: "issues.txt",
  text: `${lines.join("\n")}\n`,
});

/** Manifests by interceptor, in the words of the program; what a declaration leaves out is empty. */
function manifestsIn(path: string): ReadonlyMap<string, Manifest> {
  // our own file: its shape is the type's, less what is empty
  const parsed = JSON.parse(readFileSync(join(REPOSITORY, path), "utf8")) as Record<
    string,
    { version: string; bindings: Partial<Manifest["bindings"][number]>[] }
  >;
  return new Map(
    Object.entries(parsed).map(([name, { version, bindings }]) => [
      name,
      {
        name,
        version,
        expectedAudience: "",
        stateScope: "none", revokes: false,
        bindings: bindings.map((binding) => ({ ...NOTHING, ...binding })),
      },
    ]),
  );
}

const NOTHING: Manifest["bindings"][number] = {
  id: "",
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
};
