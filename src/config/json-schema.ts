import { z } from "zod";
import { configSchema } from "./schema/config.ts";

/** A JSON Schema, as far as ours go. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What the schema says, without variables: the form the reference page is made from. */
export const describeConfig = (): JsonSchema => z.toJSONSchema(configSchema, { io: "input", target: "draft-2020-12" });

/**
 * JSON Schema (draft 2020-12) for editors; `config/sallyport.schema.json` is its text. Editors see the file before variables
 * are put in, so `${NAME}` is accepted wherever a value is not free text. What needs two places at once only `check` knows.
 */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...described } = describeConfig();
  return {
    ...($schema !== undefined && { $schema }),
    title: "Sallyport configuration",
    ...allowVariables(described),
    $defs: { variable: { description: "Replaced from the environment after parsing.", type: "string", pattern: "\\$\\{" } },
  };
}

/** Text of the checked-in file. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;

function allowVariables(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties, oneOf, anyOf } = schema;
  if (isConstrainedScalar(schema)) {
    const { description, default: fallback, ...constraint } = schema;
    return {
      ...(description !== undefined && { description }),
      ...(fallback !== undefined && { default: fallback }),
      anyOf: [constraint, { $ref: "#/$defs/variable" }],
    };
  }
  return {
    ...schema,
    ...(properties && { properties: mapValues(properties, (each) => (typeof each === "boolean" ? each : allowVariables(each))) }),
    ...(isSchema(items) && { items: allowVariables(items) }),
    ...(isSchema(additionalProperties) && { additionalProperties: allowVariables(additionalProperties) }),
    ...(anyOf && { anyOf: anyOf.map((each) => (isSchema(each) ? allowVariables(each) : each)) }),
    ...(oneOf && { oneOf: oneOf.map((each) => (isSchema(each) ? withoutTagVariables(each) : each)) }),
  };
}

/** The key that chooses between forms keeps its exact value, or editors could not choose. */
function withoutTagVariables(option: JsonSchema): JsonSchema {
  const allowed = allowVariables(option);
  const tag = option.properties?.["type"];
  return tag === undefined ? allowed : { ...allowed, properties: { ...allowed.properties, type: tag } };
}

function isConstrainedScalar({ type, enum: words, const: only, pattern }: JsonSchema): boolean {
  if (type === "integer" || type === "number" || type === "boolean") return true;
  return type === "string" && (words !== undefined || only !== undefined || pattern !== undefined);
}

const isSchema = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null && !Array.isArray(value);

const mapValues = <Value>(record: Readonly<Record<string, Value>>, map: (value: Value) => Value): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
