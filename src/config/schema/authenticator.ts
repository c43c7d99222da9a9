import { z } from "zod";
import { pointerTo } from "../source/pointer.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { AuthenticatorConfig } from "../gateway-config.ts";
import { credentialSlot } from "./credential-slot.ts";
import { filePath } from "./primitives.ts";

/** Who a credential stands for. */
export const principalSchema = z.strictObject({
  id: z.string().min(1, { error: "expected an id" }).max(256).describe("Identity shown to interceptors, upstreams and logs."),
  tenants: z.array(z.string().min(1).max(256)).prefault([]).describe("Tenants the principal is a member of."),
  scopes: z.array(z.string().min(1).max(256)).prefault([]).describe("What the principal may do."),
});

const slots = z
  .array(credentialSlot)
  .min(1, { error: "expected at least one credential slot" })
  .prefault(["bearer"])
  .describe(
    "Where the credential may stand: `bearer` (the `Authorization` header), `header/<name>`, `websocket-protocol/<prefix>` for browsers that open WebSockets (a subprotocol of that prefix, with the credential behind it), and `query/<name>` for clients that cannot do otherwise: addresses end up in histories and in logs of others.",
  );

const staticToken = z.strictObject({
  type: z.literal("static-token").describe("One token for one principal."),
  slots,
  token_file: filePath.describe("File that holds the token."),
  principal: principalSchema.describe("Who the token stands for."),
});

const apiKey = z.strictObject({
  type: z.literal("api-key").describe("Api keys listed in a file by their hashes."),
  slots,
  file: filePath.describe("YAML file: a list of `{ id, sha256, principal, expires_at }`."),
});

/** One value of `authenticators`. */
export const authenticatorSchema = z.discriminatedUnion("type", [staticToken, apiKey]);

/** The authenticator as the program sees it. */
export function toAuthenticator(
  name: string,
  parsed: z.output<typeof authenticatorSchema>,
  files: LoadedFiles,
): AuthenticatorConfig {
  const pointer = pointerTo("/authenticators", name);
  const { slots } = parsed;
  switch (parsed.type) {
    case "static-token":
      return {
        type: parsed.type,
        name,
        slots,
        token: files.secretAt(pointerTo(pointer, "token_file")),
        principal: parsed.principal,
      };
    case "api-key":
      return { type: parsed.type, name, slots, apiKeys: files.apiKeysAt(pointerTo(pointer, "file")) };
    default:
      return parsed satisfies never;
  }
}
