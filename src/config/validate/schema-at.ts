import { z } from "zod";

/** What a file has at a place: keys of a map, words of a choice; nothing for everything else. */
export interface LegalAt {
  readonly keys: readonly string[];
  readonly description: string | undefined;
}

/** Walks the schema along the path of a value. `value` is needed where the schema depends on it (a `type` key). */
export function legalAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): LegalAt {
  let current: z.ZodType | undefined = schema;
  let member = value;
  for (const step of path) {
    current = current && childSchema(unwrap(current, member), step);
    member = memberOf(member, step);
  }
  const found = current && unwrap(current, member);
  return { keys: found instanceof z.ZodObject ? Object.keys(found.shape) : [], description: current?.description };
}

function childSchema(schema: z.ZodType, step: PropertyKey): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return typeof step === "string" ? asPublic(schema.def.shape[step]) : undefined;
  if (schema instanceof z.ZodArray) return asPublic(schema.element);
  return schema instanceof z.ZodRecord ? asPublic(schema.valueType) : undefined;
}

// every schema of ours is made by zod's public builders, which its core types do not say
const asPublic = (schema: z.core.$ZodType | undefined): z.ZodType | undefined => schema as z.ZodType | undefined;

function unwrap(schema: z.ZodType, value: unknown): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    const inner = asPublic(schema.unwrap());
    return inner === undefined ? schema : unwrap(inner, value);
  }
  if (schema instanceof z.ZodUnion && !(schema instanceof z.ZodDiscriminatedUnion))
    return schema.options.map(asPublic).find((option) => option instanceof z.ZodObject) ?? schema;
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def;
  const options = schema.options.filter((option): option is z.ZodObject => option instanceof z.ZodObject);
  const chosen = options.find((option) => {
    const tag: unknown = option.shape[discriminator];
    return tag instanceof z.ZodLiteral && tag.value === memberOf(value, discriminator);
  });
  return chosen ?? schema;
}

const memberOf = (value: unknown, step: PropertyKey): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined;
