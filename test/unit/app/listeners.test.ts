import { describe, expect, it } from "vitest";
import { isStricter } from "../../../src/app/listeners.ts";
import type { ListenerConfig, ListenerTlsConfig } from "../../../src/config/gateway-config.ts";

type Tls = Pick<ListenerTlsConfig, "clientCert" | "clientCaFile">;

const listener = (tls: Tls | undefined): Pick<ListenerConfig, "tls"> => ({
  tls: tls && { certs: [{ certFile: "cert.pem", keyFile: "key.pem" }], ...tls },
});

const NONE = { clientCert: "none", clientCaFile: undefined } as const;
const OPTIONAL = { clientCert: "optional", clientCaFile: "ca.pem" } as const;
const REQUIRED = { clientCert: "required", clientCaFile: "ca.pem" } as const;

describe("a listener that takes the place of another", () => {
  it.each([
    ["takes TLS only", undefined, NONE, true],
    ["takes no TLS any more", REQUIRED, undefined, false],
    ["asks for certificates", NONE, OPTIONAL, false],
    ["requires them of everybody", NONE, REQUIRED, true],
    ["requires what was asked for", OPTIONAL, REQUIRED, true],
    ["requires them no longer", REQUIRED, OPTIONAL, false],
    ["believes another authority", OPTIONAL, { ...OPTIONAL, clientCaFile: "other.pem" }, true],
    ["is the same in that", REQUIRED, REQUIRED, false],
  ] as const)("is stricter or not where it %s", (_how, old, next, expected) => {
    expect(isStricter(listener(old), listener(next))).toBe(expected);
  });
});
