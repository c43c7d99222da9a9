import type { Manifest } from "../model/manifest.ts";
import { manifestDigest } from "../plan/manifest-digest.ts";

/** Manifests by interceptor as people read them: version, digest (as `manifest_digest` pins it), and what is declared. */
export const manifestLines = (manifests: ReadonlyMap<string, Manifest>): readonly string[] =>
  [...manifests].flatMap(([name, manifest]) => [
    `interceptor ${name}: version ${manifest.version}, manifest_digest ${manifestDigest(manifest)}`,
    ...manifest.bindings.map(({ id, phase, mode }) => `  declares ${mode} ${id} (${phase})`),
  ]);

/** The same for programs, in the order of the map. */
export const plainManifests = (manifests: ReadonlyMap<string, Manifest>): unknown =>
  [...manifests].map(([interceptor, manifest]) => ({
    interceptor,
    version: manifest.version,
    manifest_digest: manifestDigest(manifest),
    bindings: manifest.bindings.map(({ id, phase, mode }) => ({ id, phase, mode })),
  }));
