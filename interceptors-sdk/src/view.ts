import type { BodyFormat, Mode } from "@sallyport/contract/phase.ts";
import type { DecodedToken } from "./pointer-types.ts";

/**
 * What a binding's `review` is shown: exactly the fields its `needs` name, spelled as the pointers spell them
 * (`/client/tls_subject` is `client.tls_subject`). Reading another field does not compile; in plain JavaScript it
 * throws `UndeclaredReadError`.
 *
 * An observer is also called for exchanges that ended early (C29): there `principal`, `tenant` and
 * `response.status` may be undefined.
 */
export type View<M extends Mode, Needs extends string, B extends BodyFormat> = {
  readonly [G in keyof Groups<M, Needs, B> as Touches<`/${G}`, Needs> extends true ? G : never]: Groups<M, Needs, B>[G];
};

/** A JSON value read from a view. Numbers are doubles; read the body as `text` where every digit counts. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** Who the caller is, as the gateway authenticated it. */
export interface PrincipalView {
  readonly id: string;
  readonly anonymous: boolean;
  /** Which kind of authenticator vouched for it, for example `api-key`. */
  readonly type: string;
  readonly tenants: readonly string[];
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly claims: { readonly [name: string]: JsonValue | undefined };
}

/** How the exchange ended; observers only. */
export interface OutcomeView {
  readonly status: number;
  /** `interceptor/binding`, the name of a policy, `upstream`, or empty. */
  readonly decided_by: string;
  /** Problem code when the gateway answered with a problem, else empty. */
  readonly failure: string;
  readonly duration_ms: number;
  /** Bytes of the response body sent to the client. */
  readonly bytes: number;
  /** The exchange was still open when this was sent; a second call follows at its end. */
  readonly open: boolean;
  /** There were bodies to show, and the gateway left them out for want of room. */
  readonly bodies_omitted: boolean;
}

// Names below, in the order of the view: one property per group of pointers.
interface Groups<M extends Mode, N extends string, B extends BodyFormat> {
  readonly request: Picked<RequestFields, "/request", N> &
    Container<"query", Named<readonly string[], "/request/query", "/request", N>, "/request", N> &
    Container<"headers", Named<string | undefined, "/request/headers", "/request", N>, "/request", N> &
    Container<"body", BodyView<B>, "/request", N>;
  readonly principal: MaybeAbsent<
    M,
    Picked<Omit<PrincipalView, "claims">, "/principal", N> &
      Container<"claims", Named<JsonValue | undefined, "/principal/claims", "/principal", N>, "/principal", N>
  >;
  readonly tenant: MaybeAbsent<M, Picked<{ readonly id: string }, "/tenant", N>>;
  readonly route: Picked<{ readonly name: string }, "/route", N> &
    Container<"labels", Named<string | undefined, "/route/labels", "/route", N>, "/route", N>;
  readonly client: Picked<{ readonly address: string; readonly tls_subject: string }, "/client", N>;
  readonly labels: Named<string | undefined, "/labels", "/labels", N>;
  readonly response: Picked<{ readonly status: MaybeAbsent<M, number> }, "/response", N> &
    Container<"headers", Named<string | undefined, "/response/headers", "/response", N>, "/response", N> &
    Container<"body", BodyView<B>, "/response", N>;
  readonly outcome: Picked<OutcomeView, "/outcome", N>;
}

interface RequestFields {
  /** The gateway's request id. */
  readonly id: string;
  readonly protocol: "http" | "grpc" | "grpc-web" | "websocket";
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  /** Normalised, still percent-encoded, without the query. */
  readonly path: string;
}

/** A body in the binding's format; undefined when there is none. */
type BodyView<B extends BodyFormat> = (B extends "json" ? JsonValue : B extends "text" ? string : Uint8Array) | undefined;

type MaybeAbsent<M extends Mode, T> = M extends "observe" ? T | undefined : T;

/** Fixed fields of a group: all of them when the group is needed whole, else the named ones. */
type Picked<Fields, Root extends string, N extends string> = Root extends N
  ? Fields
  : { readonly [K in keyof Fields & string as Needed<`${Root}/${K}`, N> extends true ? K : never]: Fields[K] };

/** Open names (headers, query, labels, claims): any name when a container above is needed, else the named ones. */
type Named<Value, Root extends string, Above extends string, N extends string> = [Extract<N, Root | Above>] extends [never]
  ? { readonly [Token in TokenUnder<N, Root> as DecodedToken<Token>]: Value }
  : { readonly [name: string]: Value };

type Container<Name extends string, Value, Above extends string, N extends string> = Above extends N
  ? { readonly [K in Name]: Value }
  : Touches<`${Above}/${Name}`, N> extends true
    ? { readonly [K in Name]: Value }
    : unknown;

type TokenUnder<N extends string, Root extends string> = N extends `${Root}/${infer Below}` ? FirstToken<Below> : never;

type FirstToken<Below extends string> = Below extends `${infer Token}/${string}` ? Token : Below;

type Needed<Pointer extends string, N extends string> = Pointer extends N ? true : false;

/** Whether a pointer or something below it is needed. */
type Touches<Root extends string, N extends string> = Root extends N
  ? true
  : [Extract<N, `${Root}/${string}`>] extends [never]
    ? false
    : true;
