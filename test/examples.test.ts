import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { manifest } from "@sallyport/interceptors-sdk/testing";
import { LIMITS, type LimitRange } from "@sallyport/contract/limits.ts";
import { afterAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import packageJson from "../package.json" with { type: "json" };
import { quota } from "../examples/interceptors/quota/quota.ts";
import { tenancy } from "../examples/interceptors/tenancy/tenancy.ts";
import { toManifest } from "../src/adapters/review/to-manifest.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { demoRequests } from "../src/cli/demo/demo-requests.ts";
import type { CommandIo } from "../src/cli/io.ts";
import { readApiKeys } from "../src/config/files/api-key-file.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { formatIssue } from "../src/model/config-issue.ts";
import type { Manifest } from "../src/model/manifest.ts";
import { PROBLEMS } from "../src/model/problem.ts";
import { ok } from "../src/model/result.ts";
import { compile } from "../src/plan/compile.ts";
import { formatDuration } from "../src/support/durations.ts";
import { formatSize } from "../src/support/sizes.ts";
import { brokenLinks, codeBlocks, markdownFiles, prose, tableBelow, type CodeBlock } from "./support/markdown.ts";
import { filesMatching, textOf } from "./support/source-tree.ts";

const GUIDES = filesMatching("docs/guides/*.md");
const SPOKEN = [
  "README.md",
  "CONTRIBUTING.md",
  "AGENTS.md",
  ...GUIDES,
  ...filesMatching("config/*.yaml", "examples/**/README.md"),
];
const DOCUMENTS = ["README.md", ...GUIDES, ...filesMatching("examples/**/README.md")];
const named = (block: CodeBlock) => [`${block.file}:${block.line}`, block] as const;
const blocksOf = (files: readonly string[], language: string) =>
  files.flatMap(codeBlocks).filter((block) => block.language === language);

/** A program that reaches nothing, to ask it for its flags. */
const NOWHERE: CommandIo = {
  stdout: { write: () => undefined, isTty: false },
  stderr: { write: () => undefined, isTty: false },
  env: {},
  version: "0",
  wallMs: () => 0,
  stopped: () => new Promise(() => undefined),
  onHangup: () => () => undefined,
  exit: () => undefined,
};

/** What the examples ask for, under the names the documents give them. */
const MANIFESTS: ReadonlyMap<string, Manifest> = new Map(
  [tenancy, quota()].map((interceptor) => {
    const read = toManifest(manifest(interceptor));
    if (!read.ok) throw new Error(read.error);
    return [interceptor.name, read.value];
  }),
);

describe("a configuration to copy", () => {
  it.each(filesMatching("config/*.yaml"))(
    "%s compiles, with and without its interceptors, and warns of nothing",
    async (path) => {
      const text = textOf(path);
      expect(await warningsOf(path, text, new Map())).toEqual([]);
      expect(await warningsOf(path, text, MANIFESTS)).toEqual([]);
      expect(text).toMatch(/^# yaml-language-server: \$schema=sallyport\.schema\.json\n/);
    },
  );

  it("stands for each of the ways to begin", () => {
    expect(filesMatching("config/*.yaml").length).toBeGreaterThanOrEqual(4);
  });
});

describe("YAML in the documents", () => {
  const yaml = blocksOf(DOCUMENTS, "yaml");

  it.each(yaml.filter(({ note }) => note === "").map(named))("%s compiles as it stands", async (where, { text }) => {
    expect(await warningsOf(where, text, MANIFESTS)).toEqual([]);
  });

  it.each(yaml.filter(({ note }) => note === "fragment").map(named))(
    "%s compiles in the place of those sections of the README's file",
    async (where, { text }) => {
      const { require: _, ...whole } = readmeFile();
      expect(await warningsOf(where, stringify({ ...whole, ...parse(text) }), MANIFESTS)).toEqual([]);
    },
  );

  it.each(yaml.filter(({ note }) => note === "api-keys").map(named))("%s is a file of api keys", (where, { text }) => {
    expect(readApiKeys(where, text)).toMatchObject({ ok: true });
  });

  it("is always said to be one of these", () => {
    const other = yaml.filter(({ note }) => !["", "fragment", "api-keys"].includes(note));
    expect(other.map(({ file, line }) => `${file}:${line}`)).toEqual([]);
    expect(yaml.length).toBeGreaterThanOrEqual(4);
  });
});

describe("TypeScript in the documents", () => {
  // below the SDK, where its own name resolves; dist is not part of the repository
  const place = new URL("../interceptors-sdk/dist/documents/", import.meta.url);
  const snippets = blocksOf([...DOCUMENTS, "interceptors-sdk/README.md"], "ts").map((block) => ({
    ...block,
    path: `${block.file.replaceAll(/\W/g, "-")}/${/^\/\/ (\S+\.ts)$/m.exec(block.text)?.[1] ?? `line-${block.line}.ts`}`,
  }));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(new URL(".", new URL(path, place)), { recursive: true });
    await writeFile(new URL(path, place), text);
  };

  afterAll(() => rm(place, { recursive: true, force: true }));

  it("type-checks as an integrator's own would, and runs", { timeout: 60_000 }, async () => {
    for (const { path, text } of snippets) await write(path, text);
    const settings = { extends: "../../test-types/tsconfig.json", include: ["**/*.ts"] };
    await write("tsconfig.json", JSON.stringify(settings));
    const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
    const checked = await promisify(execFile)(process.execPath, [tsc, "-p", fileURLToPath(place)]).catch(String);
    expect(checked).toMatchObject({ stdout: "" });
    // those of the SDK are run by test/unit/sdk/readme.test.ts
    const own = snippets.filter(({ file }) => !file.startsWith("interceptors-sdk/"));
    for (const { path } of own) await import(new URL(path, place).pathname);
    expect(snippets.length).toBeGreaterThanOrEqual(5);
  });

  it("of the README is the tenancy example", () => {
    const [shown] = blocksOf(["README.md"], "ts");
    expect(shown?.text).toBe(textOf("examples/interceptors/tenancy/tenancy.ts"));
  });
});

describe("commands in the documents", () => {
  const known = new Map(COMMANDS.map((define) => define(NOWHERE)).map((command) => [command.name(), command]));
  const commandLines = (file: string) =>
    [...textOf(file).matchAll(/(?:^|`|\$ )sallyport ([a-z]+)([^`#\n]*)/gm)].map(([line, name = "", rest = ""]) => ({
      line,
      name,
      rest,
    }));

  it.each(SPOKEN)("%s says only what the program understands", (file) => {
    const wrong = commandLines(file).filter(({ name, rest }) => {
      const flags = [...rest.matchAll(/(?<=\s)--[a-z-]+/g)].map(([flag]) => flag);
      const command = known.get(name);
      return command === undefined || flags.some((flag) => !command.options.some(({ long }) => long === flag));
    });
    expect(wrong.map(({ line }) => line)).toEqual([]);
  });

  it.each(SPOKEN)("%s says only scripts and files that exist", (file) => {
    const text = textOf(file);
    const scripts = [...text.matchAll(/\bnpm run ([a-z:-]+)/g)].map(([, name = ""]) => name);
    expect(scripts.filter((name) => !Object.hasOwn(packageJson.scripts, name))).toEqual([]);
    const tests = [...text.matchAll(/\bvitest run ([\w./-]+)/g)].map(([, path = ""]) => path);
    expect(tests.filter((path) => filesMatching(path).length === 0)).toEqual([]);
  });

  it("of the README's first minute are those of the demonstration", () => {
    const shown = codeBlocks("README.md")
      .map(({ text }) => text)
      .join("\n");
    for (const { curl } of demoRequests({ gatewayPort: 8080, adminPort: 9080 })) expect(shown).toContain(`${curl}\n`);
  });
});

describe("tables that repeat the code", () => {
  it("of problems (RFC.md §5.6) have the rows of PROBLEMS", () => {
    const rows = Object.entries(PROBLEMS).map(([code, { status, source, retryable }]) => [
      String(status),
      code,
      source,
      retryable ? "yes" : "no",
    ]);
    expect(tableBelow("RFC.md", "5.6 Problems")).toEqual(rows);
  });

  it("of limits (RFC.md §4.7) have the defaults and bounds of LIMITS", () => {
    const rows = tableBelow("RFC.md", "4.7 Limits").map(
      ([name = "", fallback = "", bounds = ""]) => `${name} ${fallback} ${bounds}`,
    );
    const row = (name: string, { fallback, min, max }: LimitRange, format: (value: number) => string): string =>
      `${name} ${format(fallback)} ${format(min)} to ${format(max)}`.replaceAll(/(\d)(?=[a-zA-Z])/g, "$1 ");
    expect(rows).toEqual([
      row("timeout", LIMITS.timeoutMs, formatDuration),
      row("max_patches", LIMITS.maxPatches, String),
      row("max_response_bytes", LIMITS.maxResponseBytes, formatSize),
      row("max_body_bytes", LIMITS.maxBodyBytes, formatSize),
      row("max_concurrent_reviews", LIMITS.maxConcurrentReviews, String),
      row("max_pending_reviews", LIMITS.maxPendingReviews, String),
      expect.stringMatching(/^review_budget 2 s /),
    ]);
  });

  it("of the client guide name codes that exist, and all that a client can meet", () => {
    const text = tableBelow("docs/guides/client.md", "Errors").flat().join(" ");
    // the log's, and the admin listener's
    const unseen = new Set(["client_closed", "forbidden", "misdirected_request"]);
    expect(Object.keys(PROBLEMS).filter((code) => !unseen.has(code) && !text.includes(code))).toEqual([]);
  });
});

describe("the documents", () => {
  it("link to what is there", () => {
    expect(markdownFiles().flatMap(brokenLinks)).toEqual([]);
  });

  it("are cited by sections that RFC.md has", () => {
    const numbers = new Set([...prose("RFC.md").matchAll(/^#+ ([\d.]+)/gm)].map(([, number = ""]) => number));
    const cited = filesMatching("{src,proto/src,interceptors-sdk/src,test,docs,examples}/**/*.{ts,md}", "*.md").flatMap((file) =>
      [...textOf(file).matchAll(/RFC\.md(?:\]\([^)]*\))? §(\d+(?:\.\d+)?)/g)].map(([, number = ""]) => `${file}: §${number}`),
    );
    expect(cited.filter((citation) => !numbers.has(citation.split("§")[1] ?? ""))).toEqual([]);
    expect(cited.length).toBeGreaterThan(10);
  });

  it("have no mark left that says they are unfinished", () => {
    expect(markdownFiles().filter((file) => textOf(file).includes("<!--"))).toEqual([]);
  });
});

describe("an example interceptor", () => {
  it.each(filesMatching("examples/interceptors/*/package.json"))("%s comes with README and test", (path) => {
    const folder = path.slice(0, -"/package.json".length);
    const name = folder.split("/").at(-1) ?? "";
    expect(filesMatching(`${folder}/{README.md,${name}.ts,${name}.test.ts}`)).toHaveLength(3);
  });
});

/** Warnings of a compiled file; fails with its issues where there are any. Files of secrets hold what their names promise. */
async function warningsOf(file: string, text: string, manifests: ReadonlyMap<string, Manifest>): Promise<readonly string[]> {
  const readFile = async (path: string) =>
    ok(path.endsWith("keys.yaml") ? apiKeysOfTheGuide() : "a-secret-of-thirty-two-characters");
  const loaded = await loadConfig({ file, text }, { env: {}, readFile });
  if (!loaded.ok) throw new Error(loaded.error.map(formatIssue).join("\n"));
  const { config, positions } = loaded.value;
  const plan = compile(config, manifests, (pointer) => positions.at(pointer));
  if (!plan.ok) throw new Error(plan.error.map(formatIssue).join("\n"));
  return plan.value.warnings;
}

const apiKeysOfTheGuide = (): string => blocksOf(GUIDES, "yaml").find(({ note }) => note === "api-keys")?.text ?? "";

function readmeFile(): Readonly<Record<string, unknown>> {
  const file: unknown = parse(blocksOf(["README.md"], "yaml")[0]?.text ?? "");
  return typeof file === "object" && file !== null ? { ...file } : {};
}
