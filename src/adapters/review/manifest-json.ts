import {
  BodyFormat,
  Mode,
  Phase,
  StateScope,
  type BindingDeclaration as WireBinding,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { parseJson, type Json, type JsonObject } from "../../model/json.ts";
import type { Manifest } from "../../model/manifest.ts";
import { err, type Result } from "../../model/result.ts";
import { toManifest } from "./to-manifest.ts";

/**
 * A manifest from a file, for planning without the service: the message of the contract in the JSON mapping of protobuf, as gRPC tools
 * print it. Member names in either spelling (`owns_headers`, `ownsHeaders`), enum values by name or by our word (`PHASE_PRE_AUTH`,
 * `pre-auth`); absent members are empty, unknown ones a mistake. Held to the same checks as a manifest from a service.
 */
export function manifestFromJson(text: string): Result<Manifest, string> {
  const parsed = parseJson(text);
  if (!parsed.ok) return err(`no acceptable JSON (${parsed.error.kind} at offset ${parsed.error.offset})`);
  try {
    const member = new Reader(parsed.value, "").members(
      "name",
      "version",
      "bindings",
      "expected_audience",
      "state_scope",
      "revokes",
    );
    return toManifest({
      name: member.name.text(),
      version: member.version.text(),
      bindings: member.bindings.list().map(toBinding),
      expectedAudience: member.expected_audience.text(),
      stateScope: member.state_scope.word(STATE_SCOPES),
      revokes: member.revokes.flag(),
    });
  } catch (error) {
    if (error instanceof Misfit) return err(error.message);
    throw error;
  }
}

const PHASES = words("PHASE_", Phase);
const MODES = words("MODE_", Mode);
const BODY_FORMATS = words("BODY_FORMAT_", BodyFormat);
const STATE_SCOPES = words("STATE_SCOPE_", StateScope);

/** Every spelling of an enum's values. */
function words<Value extends number>(prefix: string, values: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  return new Map(
    Object.entries(values).flatMap(([name, value]) => [
      [name.toLowerCase().replaceAll("_", "-"), value] as const,
      [`${prefix}${name}`, value] as const,
    ]),
  );
}

function toBinding(reader: Reader): WireBinding {
  const member = reader.members(
    "id",
    "phase",
    "mode",
    "selector",
    "needs",
    "writes",
    "owns_headers",
    "cacheable",
    "idempotent",
    "body",
    "fail_closed",
  );
  const selector = member.selector.members("methods", "hosts", "paths");
  return {
    id: member.id.text(),
    phase: member.phase.word(PHASES),
    mode: member.mode.word(MODES),
    selector: { methods: selector.methods.texts(), hosts: selector.hosts.texts(), paths: selector.paths.texts() },
    needs: member.needs.texts(),
    writes: member.writes.texts(),
    ownsHeaders: member.owns_headers.texts(),
    cacheable: member.cacheable.flag(),
    idempotent: member.idempotent.flag(),
    body: member.body.word(BODY_FORMATS),
    failClosed: member.fail_closed.flag(),
  };
}

/** The file is not of the expected shape. */
class Misfit extends Error {}

/** A place in the file; reading it as what it is not ends the reading. */
class Reader {
  readonly #value: Json | undefined;
  readonly #pointer: string;

  constructor(value: Json | undefined, pointer: string) {
    this.#value = value;
    this.#pointer = pointer;
  }

  /** The members of an object that has no others; of an absent one, all absent. */
  members<Name extends string>(...names: readonly Name[]): Readonly<Record<Name, Reader>> {
    const object: JsonObject =
      this.#value === undefined ? new Map() : this.#value instanceof Map ? this.#value : this.#misfit("an object");
    const strange = [...object.keys()].find((name) => !names.some((known) => known === name || camelCase(known) === name));
    if (strange !== undefined)
      throw new Misfit(`${this.#pointer}/${strange}: there is no such member; known are ${names.join(", ")}`);
    const readers = names.map(
      (name) => [name, new Reader(object.get(name) ?? object.get(camelCase(name)), `${this.#pointer}/${name}`)] as const,
    );
    // the keys are exactly the names
    return Object.fromEntries(readers) as Record<Name, Reader>;
  }

  list(): readonly Reader[] {
    const list = this.#value === undefined ? [] : Array.isArray(this.#value) ? this.#value : this.#misfit("a list");
    return list.map((item: Json, index: number) => new Reader(item, `${this.#pointer}/${index}`));
  }

  text(): string {
    if (this.#value === undefined) return "";
    return typeof this.#value === "string" ? this.#value : this.#misfit("a string");
  }

  texts(): string[] {
    return this.list().map((item) => item.text());
  }

  flag(): boolean {
    if (this.#value === undefined) return false;
    return typeof this.#value === "boolean" ? this.#value : this.#misfit("true or false");
  }

  /** The value a word stands for; 0 for none. */
  word<Value>(known: ReadonlyMap<string, Value>): Value | 0 {
    if (this.#value === undefined) return 0;
    const value = typeof this.#value === "string" ? known.get(this.#value) : undefined;
    return (
      value ??
      this.#misfit(`one of ${[...known.keys()].filter((word) => !word.includes("_") && word !== "unspecified").join(", ")}`)
    );
  }

  #misfit(expected: string): never {
    throw new Misfit(`${this.#pointer || "/"}: expected ${expected}`);
  }
}

const camelCase = (name: string): string => name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
