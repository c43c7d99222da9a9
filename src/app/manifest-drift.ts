import type { Manifest } from "../model/manifest.ts";
import { compile } from "../plan/compile.ts";
import { diffInterceptor } from "../plan/diff-plans.ts";
import { manifestDigest } from "../plan/manifest-digest.ts";
import type { ManifestDrift } from "../ports/admin-facts.ts";
import type { Built } from "./built.ts";
import { issueLines } from "./generations.ts";

/** Most bindings named that are declared and not granted. */
const MAX_EXTRA = 50;

/** What an operator's reload would make of another manifest than the one in force (C30). Changes nothing. */
export function manifestDrift({ loaded, manifests, plan }: Built, name: string, manifest: Manifest): ManifestDrift {
  const next = compile(loaded.config, new Map([...manifests, [name, manifest]]), (pointer) => loaded.positions.at(pointer));
  const changes = next.ok ? diffInterceptor(name, plan, next.value) : [];
  const known = new Set((manifests.get(name)?.bindings ?? []).map(nameOf));
  const granted = new Set((next.ok ? next.value : plan).bindings.filter(({ interceptor }) => interceptor === name).map(nameOf));
  const extra = manifest.bindings.map(nameOf).filter((each) => !known.has(each) && !granted.has(each));
  return {
    version: manifest.version,
    digest: manifestDigest(manifest),
    changes: [...changes, ...extra.slice(0, MAX_EXTRA).map((each) => `declares ${each}, which is not listed`)],
    issues: next.ok ? [] : issueLines(next.error),
  };
}

const nameOf = ({ id, phase }: { readonly id: string; readonly phase: string }): string => `${id} (${phase})`;
