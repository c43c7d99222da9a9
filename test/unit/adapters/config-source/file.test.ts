import { mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fileConfigSource, type FileConfigSource } from "../../../../src/adapters/config-source/file.ts";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { Events } from "../../../support/events.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

/** A source over `path` whose watch has begun and whose first content has been read. */
async function watched(path: string): Promise<{ source: FileConfigSource; changes: Events }> {
  const changes = new Events();
  const source = fileConfigSource(path, { clock: systemClock(), onChange: changes.add });
  await source.ready;
  await source.read();
  return { source, changes };
}

describe("a configuration file", () => {
  it("gives its text and a hash that follows the bytes", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "version: 1\n");
    const { source } = await watched(path);
    await using _ = source;
    const first = await source.read();
    expect(first).toMatchObject({ ok: true, value: { text: "version: 1\n" } });
    expect(await source.read()).toEqual(first);
  });

  it.each([
    ["is absent", async (_: string) => {}, "ENOENT"],
    ["is a directory", (path: string) => mkdir(path), "is not a regular file"],
    ["is larger than 10 MiB", (path: string) => writeFile(path, Buffer.alloc(10 * 1024 * 1024 + 1)), "more than 10485760"],
    ["is not UTF-8", (path: string) => writeFile(path, Buffer.from([0xff, 0xfe])), "is not UTF-8"],
  ])("is refused with its name and the reason when it %s", async (_, prepare, reason) => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await prepare(path);
    await using source = fileConfigSource(path, { clock: systemClock(), onChange: () => {} });
    const read = await source.read();
    expect(read.ok ? "" : read.error).toContain(reason);
    expect(read.ok ? "" : read.error).toContain(path);
  });

  it("announces a change written in place", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "a");
    const { source, changes } = await watched(path);
    await using _ = source;
    await writeFile(path, "b");
    await changes.reach(1, 3000);
  });

  it("announces a change by rename, and the next one after it", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "a");
    const { source, changes } = await watched(path);
    await using _ = source;
    for (const [round, text] of ["b", "c", "d"].entries()) {
      await writeFile(directory.file("new"), text);
      await rename(directory.file("new"), path);
      await changes.reach(round + 1, 3000);
      expect(await source.read()).toMatchObject({ value: { text } });
    }
  });

  it("announces a switched ..data link as Kubernetes makes it, again and again", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await publish(directory.path, 0);
    await symlink("..data/gateway.yaml", path);
    const { source, changes } = await watched(path);
    await using _ = source;
    for (const generation of [1, 2, 3]) {
      await publish(directory.path, generation);
      await changes.reach(generation, 3000);
      expect(await source.read()).toMatchObject({ value: { text: `generation ${generation}` } });
    }
  });

  it("announces that it vanished, and that it came back", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "a");
    const { source, changes } = await watched(path);
    await using _ = source;
    await rm(path);
    await changes.reach(1, 3000);
    await writeFile(path, "a");
    await changes.reach(2, 3000);
  });

  it("announces a change of a file that it names, in another directory too", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(directory.file("secrets"));
    const [path, near, far] = [
      directory.file("gateway.yaml"),
      directory.file("near.token"),
      join(directory.path, "secrets", "far.token"),
    ];
    for (const file of [path, near, far]) await writeFile(file, "a");
    const { source, changes } = await watched(path);
    await using _ = source;
    await source.alsoWatch([near, far]);
    await writeFile(near, "b");
    await changes.reach(1, 3000);
    await writeFile(far, "b");
    await changes.reach(2);
  });
});

/** Writes a generation beside the others and switches the link, as the kubelet does. */
async function publish(directory: string, generation: number): Promise<void> {
  const folder = `..generation-${generation}`;
  await mkdir(join(directory, folder));
  await writeFile(join(directory, folder, "gateway.yaml"), `generation ${generation}`);
  await symlink(folder, join(directory, "..data_tmp"));
  await rename(join(directory, "..data_tmp"), join(directory, "..data"));
  if (generation > 0) await rm(join(directory, `..generation-${generation - 1}`), { recursive: true });
}

describe("what is no change", () => {
  it("is the same content written again, or a touched file: only the third write, which differs, is announced", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "a");
    const { source, changes } = await watched(path);
    await using _ = source;
    await writeFile(path, "a");
    await utimes(path, 1, 1);
    await writeFile(path, "b");
    await changes.reach(1, 3000);
    expect(await source.read()).toMatchObject({ value: { text: "b" } });
    expect(changes.count).toBe(1);
  });

  it("is what was read after it happened", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "a");
    const { source, changes } = await watched(path);
    await using _ = source;
    await writeFile(path, "b");
    await source.read();
    await writeFile(directory.file("other"), "x");
    await writeFile(path, "c");
    await changes.reach(1, 3000);
    expect(changes.count).toBe(1);
  });
});

describe("where watching hears nothing", () => {
  it("a look every five seconds finds the change, and none where there is none", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "a");
    const [clock, changes] = [new FakeClock(), new Events()];
    const deaf = () => ({ ready: Promise.resolve(), follow() {}, [Symbol.asyncDispose]: () => Promise.resolve() });
    await using source = fileConfigSource(path, { clock, onChange: changes.add, watch: deaf });
    await source.read();
    clock.advance(5000);
    await writeFile(path, "b");
    clock.advance(5000);
    await changes.reach(1);
    expect(changes.count).toBe(1);
  });

  it("nothing is announced after disposal", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.yaml");
    await writeFile(path, "a");
    const [clock, changes] = [new FakeClock(), new Events()];
    const source = fileConfigSource(path, { clock, onChange: changes.add });
    await source.read();
    await source[Symbol.asyncDispose]();
    await writeFile(path, "b");
    clock.advance(20_000);
    expect([changes.count, clock.pending]).toEqual([0, 0]);
  });
});
