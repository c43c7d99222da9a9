import type { RpcCaller } from "./rpc-server.ts";

/** A call, as far as its peer is concerned. */
export type Caller = Pick<RpcCaller, "connection" | "alternativeNames">;

/** Whether callers' certificates carry one of the names; no names admit whoever the authority vouched for. */
export class ClientNames {
  readonly #names: readonly string[] | undefined;
  /** Keyed by the connection itself, which nobody else can become and with which the entry goes. */
  readonly #judged = new WeakMap<object, boolean>();

  constructor(names: readonly string[] | undefined) {
    this.#names = names;
  }

  /**
   * Reads the certificate once per connection, because reading costs more than many a review. A connection keeps the
   * certificate it was opened with; where the transport does not show the connection, every call is judged anew.
   */
  admit(call: Caller): boolean {
    if (this.#names === undefined) return true;
    const { connection } = call;
    if (connection === undefined) return carriesOne(call, this.#names);
    const known = this.#judged.get(connection);
    if (known !== undefined) return known;
    const admitted = carriesOne(call, this.#names);
    this.#judged.set(connection, admitted);
    return admitted;
  }
}

function carriesOne(call: Caller, names: readonly string[]): boolean {
  const carried = entriesOf(call.alternativeNames());
  return names.some((name) => carried.includes(`DNS:${name}`) || carried.includes(`URI:${name}`));
}

/** Entries as `DNS:name`. Node quotes an entry that holds a comma; such a certificate is taken to name nobody. */
function entriesOf(text: string | undefined): readonly string[] {
  return text === undefined || text.includes('"') ? [] : text.split(", ");
}
