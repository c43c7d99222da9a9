import { describeConfig, type JsonSchema } from "./json-schema.ts";

/** Markdown of every key, for `docs/reference/config.md`. */
export function configReference(): string {
  const described = describeConfig();
  const sections = Object.entries(described.properties ?? {});
  const required = new Set(described.required);
  const scalars = sections.filter(([, schema]) => rowsBelow("", schema).length === 0);
  const parts = sections.filter(([, schema]) => rowsBelow("", schema).length > 0);
  const top = table(scalars.flatMap(([key, schema]) => rowOf(key, schema, required.has(key))));
  return `${[HEAD, top, ...parts.map(([key, schema]) => section(key, schema, required.has(key)))].join("\n\n")}\n`;
}

const HEAD = `# Configuration reference

Generated from the schema in \`src/config/schema\`; edit that. \`[]\` stands for an item of a list, \`<name>\` for a name you choose.
Durations are \`500ms\`, \`30s\`, \`10m\`, \`2h\`; sizes \`512B\`, \`64KiB\`, \`10MiB\`, \`1GiB\`. Paths of files are relative to the
configuration file. Unknown keys are errors.

Text values may hold \`\${NAME}\` and \`\${NAME:-default}\`, replaced from the environment after parsing (quote them inside \`{ }\` and
\`[ ]\`); \`$\${\` stands for \`\${\`. \`SALLYPORT_ADMIN__ADDRESS\` sets \`/admin/address\`, over the file: two underscores go down one
level, \`-\` is written \`_\`, lists cannot be reached. Every variable that begins with \`SALLYPORT_\` must be a setting.`;

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

function section(key: string, schema: unknown, isRequired: boolean): string {
  const [own] = rowOf(key, schema, isRequired);
  const note = own?.fallback === "required" ? " Required." : "";
  // `defaults` repeats keys that have their place further down
  const rows = rowsBelow(key, schema).filter((row) => key !== "defaults" || row.key.split(".").length === 2);
  return `## ${key}\n\n${own?.description ?? ""}${note}\n\n${table(rows)}`;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ key, type, fallback, description }) => `| \`${key}\` | ${type} | ${fallback} | ${description.replaceAll("|", "\\|")} |`,
  );
  return ["| key | value | built-in value | meaning |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

/** Rows of everything inside a value, depth first. */
function rowsBelow(path: string, schema: unknown): readonly Row[] {
  if (!isSchema(schema)) return [];
  const required = new Set(schema.required);
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
    const below = path === "" ? key : `${path}.${key}`;
    return [...rowOf(below, member, required.has(key)), ...rowsBelow(below, member)];
  });
  const named =
    schema.type === "object" && isSchema(schema.additionalProperties)
      ? rowsBelow(`${path}.<name>`, schema.additionalProperties)
      : [];
  const options = (schema.oneOf ?? []).flatMap((option) => rowsBelow(`${path} (${tagOf(option)})`, option));
  const forms = (schema.anyOf ?? []).flatMap((form) => rowsBelow(path, form));
  return [...own, ...rowsBelow(`${path}[]`, schema.items), ...named, ...options, ...forms];
}

function rowOf(key: string, schema: unknown, isRequired: boolean): readonly Row[] {
  if (!isSchema(schema)) return [];
  const fallback = schema.default === undefined || isEmptyMap(schema.default) ? "" : `\`${toFlow(schema.default)}\``;
  return [{ key, type: typeOf(schema), fallback: isRequired ? "required" : fallback, description: schema.description ?? "" }];
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${String(word)}\``).join(" ");
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.anyOf !== undefined) return schema.anyOf.map((each) => (isSchema(each) ? typeOf(each) : "")).join(" or ");
  if (schema.type === "array") return `list of ${isSchema(schema.items) ? typeOf(schema.items) : "values"}`;
  if (schema.type === "integer") return `${schema.minimum ?? ""}..${schema.maximum ?? ""}`;
  if (schema.type === "boolean") return "`true` `false`";
  if (schema.type === "object" && schema.properties === undefined) return "map by name";
  return schema.title ?? (schema.type === "string" ? "text" : "map");
}

/** A built-in value as YAML would write it in one line. */
function toFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toFlow).join(", ")}]`;
  return String(value);
}

const tagOf = (option: unknown): string => {
  const tag = isSchema(option) ? option.properties?.["type"] : undefined;
  return isSchema(tag) ? String(tag.const) : "";
};

const isEmptyMap = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

const isSchema = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null && !Array.isArray(value);
