import { resolveBeside } from "../support/file-path.ts";
import { err, ok, type Result } from "../model/result.ts";
import { Cursor } from "./source/cursor.ts";
import { overlayEnvironment } from "./source/environment-overrides.ts";
import { readYaml } from "./source/read-yaml.ts";
import { type Environment, substituteVariables } from "./source/substitute-variables.ts";

/** Where the gateway of a configuration is administered. */
export interface AdminPlace {
  /** `host:port` as written; undefined: the built-in one. */
  readonly address: string | undefined;
  /** Where the gateway looks for its admin token. */
  readonly tokenFile: string;
}

/** The built-in `admin.token_file`. */
export const DEFAULT_TOKEN_FILE = ".sallyport/admin-token";

/**
 * Finds it as the gateway does: file, then `SALLYPORT_*`, paths beside the file. Whatever else is wrong with the file does not matter
 * here, since a running gateway is asked to reload files with mistakes, too; an error only where there is no YAML map.
 */
export function adminPlace(
  source: { readonly file: string; readonly text: string },
  env: Environment,
): Result<AdminPlace, string> {
  const { root } = readYaml({ ...source, kind: "file" });
  if (root?.kind !== "map") return err(`${source.file} is no configuration`);
  const admin = new Cursor(overlayEnvironment(substituteVariables(root, env).root, env).root).get("admin");
  return ok({
    address: admin.get("address").text(),
    tokenFile: resolveBeside(source.file, admin.get("token_file").text() ?? DEFAULT_TOKEN_FILE),
  });
}
