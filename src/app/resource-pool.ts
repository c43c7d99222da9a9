/** Something several generations may share, under the identity that makes it the same thing (endpoint and trust, C32). */
export interface Lease<T> {
  readonly resource: T;
  /** One more user, with a lease of its own; not after `release`. */
  readonly share: () => Lease<T>;
  /** Idempotent; the last one closes the resource. */
  readonly release: () => Promise<void>;
}

interface Entry {
  readonly resource: AsyncDisposable;
  users: number;
}

/** Channels and connection pools of this process, counted by use, so that a reload re-uses what did not change. Bounded by what plans name. */
export class ResourcePool {
  readonly #entries = new Map<string, Entry>();

  /** The resource of that identity, made if nobody has it yet. */
  acquire<T extends AsyncDisposable>(identity: string, make: () => T): Lease<T> {
    let entry = this.#entries.get(identity);
    if (entry === undefined) {
      entry = { resource: make(), users: 0 };
      this.#entries.set(identity, entry);
    }
    // the identity names the kind of resource, so the same identity always holds the same type
    return this.#lease<T>(identity, entry, entry.resource as T);
  }

  #lease<T>(identity: string, held: Entry, resource: T): Lease<T> {
    held.users += 1;
    let released = false;
    return {
      resource,
      share: () => {
        if (released) throw new Error("a released lease cannot be shared");
        return this.#lease(identity, held, resource);
      },
      release: async () => {
        if (released) return;
        released = true;
        await this.#give(identity, held);
      },
    };
  }

  /** How many resources are open; for tests and metrics. */
  get size(): number {
    return this.#entries.size;
  }

  async #give(identity: string, entry: Entry): Promise<void> {
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#entries.delete(identity);
    await entry.resource[Symbol.asyncDispose]();
  }
}
