import { TLS } from "../../support/start-interceptor.ts";

/** A section of the configuration as data. */
type Section = Readonly<Record<string, unknown>>;

/** Sections of a configuration, for tests that make theirs by the row. */
export interface Sections {
  readonly upstreams: Readonly<Record<string, Section>>;
  readonly routes: readonly Section[];
  readonly interceptors?: readonly Section[];
  readonly authenticators?: Readonly<Record<string, Section>>;
  readonly require?: readonly Section[];
  readonly secrets?: Section;
  readonly review_budget?: string;
  readonly max_captured_bytes?: string;
}

/** The sections as YAML, one a line. */
export const configuration = (sections: Sections): string =>
  Object.entries(sections)
    .map(([key, value]) => `${key}: ${JSON.stringify(value).replaceAll(`"${MTLS}"`, TLS)}\n`)
    .join("");

/** Stands for the `tls:` that goes with `gatewayFiles`. */
export const MTLS = "<mtls>";

/** An interceptor on a port of this machine, over mTLS. */
export const interceptorAt = (port: number, rest: Section): Section => ({
  name: "scripted",
  endpoint: `grpcs://127.0.0.1:${port}`,
  tls: MTLS,
  timeout: "5s",
  ...rest,
});

/** A route anybody may use, by its path. */
export const openRoute = (name: string, rest: Section = {}): Section => ({
  name,
  match: { path: `/${name}/**` },
  authenticate: ["anonymous"],
  upstream: "main",
  ...rest,
});
