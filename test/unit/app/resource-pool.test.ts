import { describe, expect, it } from "vitest";
import { ResourcePool } from "../../../src/app/resource-pool.ts";

class Thing implements AsyncDisposable {
  closed = 0;

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed += 1;
  }
}

describe("ResourcePool", () => {
  it("shares what has one identity and closes it with its last lease", async () => {
    const pool = new ResourcePool();
    const [a, b] = [pool.acquire("x", () => new Thing()), pool.acquire("x", () => new Thing())];
    expect(a.resource).toBe(b.resource);
    expect(pool.size).toBe(1);
    await a.release();
    await a.release();
    expect(a.resource.closed).toBe(0);
    await b.release();
    expect(a.resource.closed).toBe(1);
    expect(pool.size).toBe(0);
  });

  it("stays open for whoever shares a lease, which a released one cannot be", async () => {
    const pool = new ResourcePool();
    const first = pool.acquire("x", () => new Thing());
    const shared = first.share();
    await first.release();
    expect(() => first.share()).toThrow("cannot be shared");
    expect([pool.size, shared.resource.closed]).toEqual([1, 0]);
    await shared.release();
    expect([pool.size, shared.resource.closed]).toEqual([0, 1]);
  });

  it("keeps identities apart, and makes anew what was closed", async () => {
    const pool = new ResourcePool();
    const [x, y] = [pool.acquire("x", () => new Thing()), pool.acquire("y", () => new Thing())];
    expect(x.resource).not.toBe(y.resource);
    await x.release();
    const again = pool.acquire("x", () => new Thing());
    expect(again.resource).not.toBe(x.resource);
    expect([x.resource.closed, y.resource.closed, again.resource.closed]).toEqual([1, 0, 0]);
  });

  it("holds nothing when a resource cannot be made", () => {
    const pool = new ResourcePool();
    expect(() =>
      pool.acquire("x", (): Thing => {
        throw new Error("refused");
      }),
    ).toThrow("refused");
    expect(pool.size).toBe(0);
  });

  it("tells when a resource does not close well, and has forgotten it all the same", async () => {
    const pool = new ResourcePool();
    const lease = pool.acquire("x", () => ({ [Symbol.asyncDispose]: () => Promise.reject(new Error("stuck")) }));
    await expect(lease.release()).rejects.toThrow("stuck");
    expect(pool.size).toBe(0);
  });
});
