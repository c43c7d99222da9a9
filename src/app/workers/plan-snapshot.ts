import { freezeDeep } from "../../config/freeze-deep.ts";
import type { GatewayConfig } from "../../config/gateway-config.ts";
import type { Manifest } from "../../model/manifest.ts";
import type { ExecutionPlan } from "../../model/plan.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { Secret } from "../../model/secret.ts";
import { revisionOf } from "../../plan/digest.ts";

/** Everything a worker runs a plan with. It reads no file and asks nobody what was granted: that was done once, by the control process (C37). */
export interface WorkerPlan {
  /** Compiled once; its revision is checked where it arrives. */
  readonly plan: ExecutionPlan;
  readonly config: GatewayConfig;
  /** By interceptor; what those that were described said when the plan was made. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** Certificates, keys and authorities as they were read when the plan was made: path to text. */
  readonly files: ReadonlyMap<string, string>;
}

/** Where in a configuration a secret stands. */
interface TakenOut {
  readonly path: readonly string[];
  readonly text: string;
}

/** The plan as plain data, secrets included: for the private pipe between this process and its own workers, and nowhere else. */
export function toSnapshot({ plan, config, manifests, files }: WorkerPlan): unknown {
  const secrets: TakenOut[] = [];
  const bare = withoutSecrets(config, [], secrets);
  return { plan, config: bare, secrets, manifests: [...manifests], files: [...files] };
}

function withoutSecrets(value: unknown, path: readonly string[], secrets: TakenOut[]): unknown {
  if (value instanceof Secret) {
    secrets.push({ path, text: value.reveal() });
    return undefined;
  }
  if (Array.isArray(value)) return value.map((member, index) => withoutSecrets(member, [...path, String(index)], secrets));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withoutSecrets(member, [...path, name], secrets)]),
  );
}

/** The plan again, deeply frozen; an error where it is not whole: its revision is no longer that of its content. */
export function readSnapshot(value: unknown): Result<WorkerPlan, string> {
  if (!isSnapshot(value)) return err("what arrived is no plan");
  const { plan, config, secrets, manifests, files } = value;
  const { revision, warnings: _warnings, ...body } = plan;
  if (revisionOf(body) !== revision) return err(`the plan that arrived is not revision ${revision}`);
  for (const { path, text } of secrets) putBack(config, path, new Secret(text));
  return ok({ plan: freezeDeep(plan), config: freezeDeep(config), manifests: new Map(manifests), files: new Map(files) });
}

function putBack(root: object, path: readonly string[], secret: Secret): void {
  const parent = path.slice(0, -1).reduce<unknown>((at, name) => (isRecord(at) ? Reflect.get(at, name) : undefined), root);
  const last = path.at(-1);
  if (isRecord(parent) && last !== undefined) Reflect.set(parent, last, secret);
}

interface Snapshot {
  readonly plan: ExecutionPlan;
  readonly config: GatewayConfig;
  readonly secrets: readonly TakenOut[];
  readonly manifests: readonly (readonly [string, Manifest])[];
  readonly files: readonly (readonly [string, string])[];
}

/** Its outer shape; what is inside was made by `toSnapshot` in the process that started this one, and the plan carries its own digest. */
function isSnapshot(value: unknown): value is Snapshot {
  if (!isRecord(value)) return false;
  const { plan, config, secrets, manifests, files } = value;
  return (
    isRecord(plan) &&
    typeof plan["revision"] === "string" &&
    isRecord(config) &&
    Array.isArray(config["listeners"]) &&
    Array.isArray(config["interceptors"]) &&
    Array.isArray(secrets) &&
    secrets.every((each) => isRecord(each) && Array.isArray(each["path"]) && typeof each["text"] === "string") &&
    Array.isArray(manifests) &&
    manifests.every((each) => Array.isArray(each) && typeof each[0] === "string" && isRecord(each[1])) &&
    Array.isArray(files) &&
    files.every((each) => Array.isArray(each) && typeof each[0] === "string" && typeof each[1] === "string")
  );
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;
