import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { configJsonSchema, configJsonSchemaText, describeConfig, type JsonSchema } from "../../../src/config/json-schema.ts";
import { configReference } from "../../../src/config/reference.ts";

const root = new URL("../../../", import.meta.url);

/** The checked-in text; written anew where UPDATE_GOLDEN asks for it. */
async function checkedIn(path: string, generated: string): Promise<string> {
  const file = new URL(path, root);
  if (process.env["UPDATE_GOLDEN"] === "1") {
    await mkdir(dirname(file.pathname), { recursive: true });
    await writeFile(file, generated);
  }
  return readFile(file, "utf8");
}

describe("files generated from the schema", () => {
  it.each([
    ["config/sallyport.schema.json", configJsonSchemaText()],
    ["docs/reference/config.md", configReference()],
  ])("%s is fresh (UPDATE_GOLDEN=1 renews it)", async (path, generated) => {
    expect(await checkedIn(path, generated)).toBe(generated);
  });

  it("say of every key what it means", () => {
    expect(undescribed(describeConfig(), "")).toEqual([]);
  });

  it("refuse unknown keys in editors as well", () => {
    expect(configJsonSchema().additionalProperties).toBe(false);
    expect(configJsonSchema().required).toEqual(["version", "listeners"]);
  });

  it("let editors accept a variable in place of a number", () => {
    const drain = configJsonSchema().properties?.["drain"];
    expect(drain).toMatchObject({ default: "30s", anyOf: [{ type: "string" }, { $ref: "#/$defs/variable" }] });
  });
});

/** Pointers of keys without a description. */
function undescribed(schema: JsonSchema, path: string): readonly string[] {
  const properties = Object.entries(schema.properties ?? {});
  const own = properties.filter(([, each]) => typeof each === "boolean" || !each.description).map(([key]) => `${path}/${key}`);
  const members: readonly (readonly [string, unknown])[] = [
    ...properties,
    ["[]", schema.items],
    ["<name>", schema.additionalProperties],
    ...(schema.oneOf ?? []).map((option) => ["|", option] as const),
  ];
  const below = members.flatMap(([key, each]) => (isSchema(each) ? undescribed(each, `${path}/${key}`) : []));
  return [...own, ...below];
}

const isSchema = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null && !Array.isArray(value);
