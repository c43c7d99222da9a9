import type { VerdictRevoker } from "../ports/admin-facts.ts";
import type { ReviewClient, RevokedTags } from "../ports/review-client.ts";

/** Every client that some generation still uses, by interceptor: what an operator revokes is revoked in all of them. Bounded by what generations hold. */
export class LiveClients implements VerdictRevoker {
  readonly #byName = new Map<string, Set<ReviewClient>>();
  readonly #listeners = new Set<(interceptor: string, tags: RevokedTags) => void>();

  /** The client, known here until it is disposed. */
  with(name: string, client: ReviewClient): ReviewClient {
    const clients = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, clients.add(client));
    const stopListening = client.onRevoked((tags) => {
      for (const listener of [...this.#listeners]) listener(name, tags);
    });
    const forget = (): void => {
      stopListening();
      clients.delete(client);
      if (clients.size === 0 && this.#byName.get(name) === clients) this.#byName.delete(name);
    };
    return {
      describe: (...call) => client.describe(...call),
      reviewer: (...binding) => client.reviewer(...binding),
      onDescribeAgain: (listener) => client.onDescribeAgain(listener),
      revoke: (tags) => client.revoke(tags),
      onRevoked: (listener) => client.onRevoked(listener),
      status: () => client.status(),
      async [Symbol.asyncDispose]() {
        forget();
        await client[Symbol.asyncDispose]();
      },
    };
  }

  /** Runs `listener` with every revoke in any of them, by the service's name, behind what they forgot. Returns the function that takes it back. */
  onRevoked(listener: (interceptor: string, tags: RevokedTags) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Undefined where no interceptor has this name. */
  revoke(interceptor: string, tags: readonly string[]): number | undefined {
    const clients = this.#byName.get(interceptor);
    if (clients === undefined) return undefined;
    let forgotten = 0;
    for (const client of clients) forgotten += client.revoke(tags);
    return forgotten;
  }
}
