import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { checkSocket, type SocketTrust } from "../../../../../src/adapters/review/unix/check-socket.ts";
import { systemSocketFacts, type FileFacts } from "../../../../../src/adapters/review/unix/socket-facts.ts";
import { err, ok } from "../../../../../src/model/result.ts";
import { NO_TRUSTED_PLACE, trustedDirectory, type TrustedDirectory } from "../../../../support/trusted-directory.ts";
import { unixPeer } from "../../../../support/unix-peer.ts";

const facts = systemSocketFacts();
const OURS: SocketTrust = { uids: [facts.ownUid ?? 0], gids: [] };

/** Puts the socket's surroundings in some state, and tells the path to check. */
type Arrange = (place: TrustedDirectory, socket: string) => Promise<string>;

const REFUSED: readonly (readonly [string, Arrange, RegExp])[] = [
  ["an abstract socket", async () => "\0tenancy", /abstract socket belongs to nobody/],
  ["a relative path", async () => "tenancy.sock", /is not absolute/],
  ["the spelling of an abstract socket", async () => "@tenancy", /is not absolute/],
  ["a path with ..", async (place) => `${place.path}/x/../s`, /not in its simplest form/],
  ["a path with an empty segment", async (place) => `${place.path}//s`, /not in its simplest form/],
  ["a path that ends in a slash", async (_place, socket) => `${socket}/`, /not in its simplest form/],
  ["a path the system would cut short", async (place) => place.file("s".repeat(107)), /longer than 107 bytes/],
  ["a socket that is not there", async (place) => place.file("absent"), /absent: does not exist/],
  ["a directory that is not there", async (place) => place.file("absent/s"), /directory .*absent: does not exist/],
  ["a regular file", async (place) => written(place.file("file")), /file: is not a socket/],
  ["a directory in the socket's place", async (place) => place.path, /is not a socket/],
  ["a link to the socket", async (place, socket) => linked(socket, place.file("link")), /link: is a symbolic link/],
  [
    "a link among the directories",
    async (place) => `${await linked(place.file("d"), place.file("l"))}/s`,
    /directory .*\/l: is a symbolic link/,
  ],
  [
    "a file among the directories",
    async (place) => `${await written(place.file("file"))}/s`,
    /directory .*file: is not a directory/,
  ],
  [
    "a directory others may write to",
    async (place, socket) => mode(place.path, 0o707, socket),
    /directory .*: is writable by others/,
  ],
  [
    "a directory with the sticky bit",
    async (place, socket) => mode(place.path, 0o1777, socket),
    /directory .*: is writable by others/,
  ],
  [
    "a directory its group may write to",
    async (place, socket) => mode(place.path, 0o770, socket),
    /directory .*: is writable by its group/,
  ],
  ["a socket others may write to", async (_place, socket) => mode(socket, 0o602, socket), /s: is writable by others/],
  [
    "a socket its group may write to",
    async (_place, socket) => mode(socket, 0o660, socket),
    /s: is writable by group \d+, which is not in trusted_gids/,
  ],
];

async function written(path: string): Promise<string> {
  await writeFile(path, "");
  return path;
}

async function linked(to: string, path: string): Promise<string> {
  await mkdir(to).catch(() => {}); // the socket is there already
  await symlink(to, path);
  return path;
}

async function mode(path: string, bits: number, socket: string): Promise<string> {
  await chmod(path, bits);
  return socket;
}

describe.skipIf(NO_TRUSTED_PLACE)("the check of a unix socket, which needs a directory nobody else may write to (C39)", () => {
  it("passes a socket of ours in directories of ours, and knows it again", async () => {
    using place = trustedDirectory();
    await using peer = await unixPeer(place.file("s"));
    await using other = await unixPeer(place.file("t"));
    const first = await checkSocket(peer.path, OURS, facts);
    expect(first).toEqual({ ok: true, value: expect.stringMatching(/^\d+:\d+:\d+$/) });
    expect(await checkSocket(peer.path, OURS, facts)).toEqual(first);
    expect(await checkSocket(other.path, OURS, facts)).not.toEqual(first);
  });

  it.each(REFUSED)("refuses %s", async (_what, arrange, reason) => {
    using place = trustedDirectory();
    await using peer = await unixPeer(place.file("s"));
    const path = await arrange(place, peer.path);
    expect(await checkSocket(path, OURS, facts)).toEqual({ ok: false, error: expect.stringMatching(reason) });
    expect(peer.connections.count).toBe(0);
  });

  it("passes a socket a trusted group may write to", async () => {
    using place = trustedDirectory();
    await using peer = await unixPeer(place.file("s"));
    await chmod(peer.path, 0o660);
    const gids = [process.getegid?.() ?? 0];
    expect(await checkSocket(peer.path, { ...OURS, gids }, facts)).toMatchObject({ ok: true });
  });
});

describe("owners", () => {
  const directory = (uid: number): FileFacts => ({ kind: "directory", uid, gid: 0, mode: 0o755, identity: "d" });
  const socket = (uid: number): FileFacts => ({ kind: "socket", uid, gid: 0, mode: 0o600, identity: "s" });
  const tree = (files: Readonly<Record<string, FileFacts>>) => ({
    lstat: (path: string) => Promise.resolve(path in files ? ok(files[path] ?? directory(0)) : err("EACCES")),
  });
  const trust: SocketTrust = { uids: [7], gids: [] };

  it("of directories are root or trusted, of the socket trusted", async () => {
    const files = tree({ "/": directory(0), "/run": directory(7), "/run/s": socket(7) });
    expect(await checkSocket("/run/s", trust, files)).toEqual({ ok: true, value: "s" });
  });

  it.each([
    [
      "a stranger's directory",
      { "/": directory(0), "/run": directory(8), "/run/s": socket(7) },
      "unix socket directory /run: belongs to uid 8, which is neither root nor in trusted_uids",
    ],
    [
      "a stranger's root directory",
      { "/": directory(8), "/run": directory(0), "/run/s": socket(7) },
      "unix socket directory /: belongs to uid 8, which is neither root nor in trusted_uids",
    ],
    [
      "a stranger's socket",
      { "/": directory(0), "/run": directory(0), "/run/s": socket(8) },
      "unix socket /run/s: belongs to uid 8, which is not in trusted_uids",
    ],
    [
      "root's socket where root is not trusted",
      { "/": directory(0), "/run": directory(0), "/run/s": socket(0) },
      "unix socket /run/s: belongs to uid 0, which is not in trusted_uids",
    ],
    ["what cannot be looked at", { "/": directory(0), "/run": directory(0) }, "unix socket /run/s: cannot be looked at (EACCES)"],
  ])("refuse %s", async (_what, files, reason) => {
    expect(await checkSocket("/run/s", trust, tree(files))).toEqual({ ok: false, error: reason });
  });

  it("refuse everything where nobody is trusted", async () => {
    const files = tree({ "/": directory(0), "/run": directory(0), "/run/s": socket(0) });
    expect(await checkSocket("/run/s", { uids: [], gids: [] }, files)).toMatchObject({ ok: false });
  });
});
