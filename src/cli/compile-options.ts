import type { ManifestSource } from "../app/compile-file.ts";

/** Flags by which `check` and `plan` say where manifests come from. */
export interface ManifestFlags {
  readonly describe?: true;
  readonly manifests?: string;
}

/** The flags as a source. */
export function manifestSource(flags: ManifestFlags, gatewayVersion: string): ManifestSource {
  if (flags.describe === true) return { kind: "describe", gatewayVersion };
  return flags.manifests === undefined ? { kind: "offline" } : { kind: "directory", path: flags.manifests };
}
