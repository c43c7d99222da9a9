import { Secret } from "../model/secret.ts";
import type { GatewayConfig } from "./gateway-config.ts";

/** JSON without secrets. */
export type PlainConfig = null | boolean | number | string | readonly PlainConfig[] | { readonly [key: string]: PlainConfig };

/** The configuration as JSON-safe data, for people: every secret reads `[secret]`, undefined members are left out. */
export const toPlain = (config: GatewayConfig): PlainConfig => plain(config);

function plain(value: unknown): PlainConfig {
  if (value instanceof Secret) return value.toJSON();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}
