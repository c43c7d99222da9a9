import type { Secret } from "../../model/secret.ts";
import type { ApiKeyRecord } from "../gateway-config.ts";

/** What the files named in a configuration hold, by the pointer of the key that names them. Complete once no issue was found. */
export interface LoadedFiles {
  /** The path as seen from the folder of the configuration file. */
  resolve(path: string): string;
  secretAt(pointer: string): Secret;
  /** Bytes as base64. */
  descriptorSetAt(pointer: string): string;
  apiKeysAt(pointer: string): readonly ApiKeyRecord[];
}
