import {
  BodyFormat,
  Manifest as WireManifest,
  Mode,
  Phase,
  StateScope,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import type { Manifest } from "../../model/manifest.ts";
import { err, type Result } from "../../model/result.ts";
import { toManifest } from "./to-manifest.ts";

/** Enum fields of a manifest, with the names the contract gives their values. */
const ENUMS: Readonly<Record<string, { readonly prefix: string; readonly values: Readonly<Record<string, number>> }>> = {
  phase: { prefix: "PHASE_", values: Phase },
  mode: { prefix: "MODE_", values: Mode },
  body: { prefix: "BODY_FORMAT_", values: BodyFormat },
  stateScope: { prefix: "STATE_SCOPE_", values: StateScope },
};

/** Reads a manifest in the JSON mapping of protobuf, as gRPC tools print it: member names in either spelling, enum values by name. */
export function manifestFromJson(text: string): Result<Manifest, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return err("the manifest is not JSON");
  }
  const problems: string[] = [];
  const plain = renamed(parsed, "", problems);
  if (problems.length > 0) return err(problems.join("; "));
  try {
    // whatever shape it has: what does not fit the message fails here or in toManifest
    return toManifest(WireManifest.decode(WireManifest.encode(WireManifest.fromPartial(plain as WireManifest)).finish()));
  } catch {
    return err("the manifest does not have the shape of sallyport.interceptor.v1.Manifest");
  }
}

/** Members in the generated code's spelling, enum names as numbers. */
function renamed(value: unknown, member: string, problems: string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, member, problems));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [camel(name), renamed(inner, camel(name), problems)]));
  }
  const row = ENUMS[member];
  return row === undefined || typeof value !== "string" ? value : enumValue(row, value, problems);
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());

function enumValue({ prefix, values }: (typeof ENUMS)[string], text: string, problems: string[]): number {
  const found = values[text.startsWith(prefix) ? text.slice(prefix.length) : text];
  if (found === undefined) problems.push(`${text.slice(0, 40)} is not a value of ${prefix.slice(0, -1).toLowerCase()}`);
  return found ?? 0;
}
