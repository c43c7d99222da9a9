import type { CredentialSlot, OwnCredentialSlot } from "../model/credential-slot.ts";

/** A provider of LLMs whose SDKs and API are known: where its credential stands. */
export type CredentialPreset = keyof typeof CREDENTIAL_PRESETS;

/** The slot each provider's API reads (2026-11). Its SDKs of today and of yesterday may show theirs to the gateway in another one. */
export const CREDENTIAL_PRESETS = {
  openai: { kind: "bearer" },
  anthropic: { kind: "header", name: "x-api-key" },
  gemini: { kind: "header", name: "x-goog-api-key" },
} as const satisfies Record<string, OwnCredentialSlot>;

/**
 * Every slot that one of those APIs or SDKs uses. A request to any of them loses all of these before it gets the one credential of the
 * gateway: a client that puts its own into a slot nobody reads here would else send it on, or choose who pays.
 */
export const PROVIDER_SLOTS: readonly CredentialSlot[] = [
  { kind: "bearer" },
  { kind: "header", name: "x-api-key" },
  { kind: "header", name: "x-goog-api-key" },
  { kind: "header", name: "api-key" },
  { kind: "query", name: "key" },
  { kind: "query", name: "access_token" },
  { kind: "websocket-protocol", prefix: "openai-insecure-api-key." },
];
