import { readFile } from "node:fs/promises";
import { adminPlace, DEFAULT_TOKEN_FILE, type AdminPlace } from "../config/admin-place.ts";
import { err, ok, type Result } from "../model/result.ts";
import { adminUrl, DEFAULT_ADMIN_ADDRESS } from "./admin-call.ts";
import type { CommandIo } from "./io.ts";

/** How an operator says which gateway is meant. */
export interface AdminOptions {
  /** The gateway's configuration: says where it listens and where its admin token is. */
  readonly config?: string;
  readonly tokenFile?: string;
}

/** Where to ask a gateway something, and what shows that one may. */
export interface AdminAccess {
  readonly url: URL;
  readonly adminToken: string;
}

/** Of the gateway at `address`, or where options and environment say it is. The error is a line for people. */
export async function adminAccess(
  wanted: { readonly address: string | undefined; readonly path: string; readonly options: AdminOptions },
  io: CommandIo,
): Promise<Result<AdminAccess, string>> {
  const { address, path, options } = wanted;
  const place = await placeOf(options, io);
  if (!place.ok) return place;
  const url = adminUrl(address ?? place.value.address ?? DEFAULT_ADMIN_ADDRESS, path);
  if (!url.ok) return url;
  const tokenFile = options.tokenFile ?? place.value.tokenFile;
  const adminToken = await readToken(tokenFile);
  if (adminToken !== undefined) return ok({ url: url.value, adminToken });
  const isGuess = options.tokenFile === undefined && options.config === undefined;
  const advice = isGuess ? "; name the gateway's configuration with --config, or the file with --token-file" : "";
  return err(`${tokenFile} cannot be read or holds no admin token${advice}`);
}

/** Where the gateway is: as its configuration says, else as its environment does, paths from the working directory. */
async function placeOf({ config }: AdminOptions, { env }: CommandIo): Promise<Result<AdminPlace, string>> {
  if (config === undefined)
    return ok({
      address: env["SALLYPORT_ADMIN__ADDRESS"],
      tokenFile: env["SALLYPORT_ADMIN__TOKEN_FILE"] ?? DEFAULT_TOKEN_FILE,
    });
  const text = await readFile(config, "utf8").catch(() => undefined);
  return text === undefined ? err(`${config} cannot be read`) : adminPlace({ file: config, text }, env);
}

async function readToken(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  return /^\s*([\x21-\x7e]+)\s*$/.exec(text)?.[1];
}

/** What a problem body says to people. */
export const detailOf = (json: unknown): string =>
  typeof json === "object" && json !== null && "detail" in json ? `: ${String(json.detail)}` : "";
