/** Something several generations may share, under the identity that makes it the same thing (endpoint and trust, C32). */
export interface Lease<T> {
  readonly resource: T;
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
    entry.users += 1;
    const held = entry;
    let released = false;
    return {
      // the identity names the kind of resource, so the same identity always holds the same type
      resource: held.resource as T,
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
