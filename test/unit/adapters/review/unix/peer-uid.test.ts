import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { systemPeerUid } from "../../../../../src/adapters/review/unix/peer-uid.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";
import { unixPeer } from "../../../../support/unix-peer.ts";

const peerUid = systemPeerUid();

describe.skipIf(peerUid === undefined)("the peer's user (needs a Node with FFI, on Linux)", () => {
  it("is who listens at the other end", async () => {
    await using place = await temporaryDirectory();
    await using peer = await unixPeer(place.file("s"));
    const socket = connect(peer.path);
    await once(socket, "connect");
    expect(peerUid?.(socket)).toEqual({ ok: true, value: process.geteuid?.() });
    socket.destroy();
  });

  it("is not guessed: neither of a closed connection nor of one over TCP", async () => {
    await using place = await temporaryDirectory();
    await using peer = await unixPeer(place.file("s"));
    const socket = connect(peer.path);
    await once(socket, "connect");
    socket.destroy();
    await once(socket, "close");
    expect(peerUid?.(socket)).toEqual({ ok: false, error: expect.stringContaining("no file descriptor") });
  });
});
