import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { acceptOf, agreementOf, offerFault } from "../../../src/support/websocket-handshake.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

type Lines = readonly (readonly [string, string])[];

const offer = (...more: Lines): HeaderLines =>
  HeaderLines.of(["sec-websocket-version", "13"], ["sec-websocket-key", KEY], ...more);

const answer = (...more: Lines): HeaderLines =>
  HeaderLines.of(["upgrade", "WebSocket"], ["connection", "Upgrade"], ["sec-websocket-accept", acceptOf(KEY)], ...more);

const PROTOCOL = "sec-websocket-protocol";
const EXTENSIONS = "sec-websocket-extensions";

describe("a WebSocket handshake (RFC 6455 section 4)", () => {
  it("is answered with the accept the RFC computes for its sample key", () => {
    expect(acceptOf(KEY)).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it.each<readonly [string, HeaderLines]>([
    ["as it must be", offer()],
    ["with subprotocols in a line", offer([PROTOCOL, "chat, v2.bearer"])],
    ["with subprotocols in lines", offer([PROTOCOL, "chat"], [PROTOCOL, "other"])],
    ["with extensions of any kind", offer([EXTENSIONS, 'x-thing; a="b, c"'])],
  ])("is taken %s", (_what, headers) => {
    expect(offerFault(headers)).toBeUndefined();
  });

  it.each<readonly [string, HeaderLines]>([
    ["without a version", HeaderLines.of(["sec-websocket-key", KEY])],
    ["of another version", HeaderLines.of(["sec-websocket-version", "8"], ["sec-websocket-key", KEY])],
    ["of two versions", offer(["sec-websocket-version", "8"])],
    ["without a key", HeaderLines.of(["sec-websocket-version", "13"])],
    ["with two keys", offer(["sec-websocket-key", KEY])],
    [
      "with a key of 17 bytes",
      HeaderLines.of(["sec-websocket-version", "13"], ["sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAAA="]),
    ],
    ["with an empty subprotocol", offer([PROTOCOL, "chat,,other"])],
    ["with a subprotocol twice", offer([PROTOCOL, "chat"], [PROTOCOL, "chat"])],
  ])("is not taken %s", (_what, headers) => {
    expect(offerFault(headers)).toMatch(/WebSocket/);
  });

  it.each<readonly [string, HeaderLines, HeaderLines, boolean]>([
    ["nothing on top", offer([PROTOCOL, "a"], [EXTENSIONS, "permessage-deflate"]), answer(), false],
    ["a subprotocol that was offered", offer([PROTOCOL, "a, b"]), answer([PROTOCOL, "b"]), false],
    [
      "compression that was offered",
      offer([EXTENSIONS, "x-thing, permessage-deflate; client_max_window_bits"]),
      answer([EXTENSIONS, "permessage-deflate; server_max_window_bits=10"]),
      true,
    ],
  ])("agrees on %s", (_what, offered, answered, compressed) => {
    expect(agreementOf(offered, answered)).toEqual({ ok: true, value: { compressed } });
  });

  it.each<readonly [string, HeaderLines, HeaderLines]>([
    ["another spelling of a subprotocol", offer([PROTOCOL, "chat"]), answer([PROTOCOL, "Chat"])],
    ["a list of subprotocols", offer([PROTOCOL, "a, b"]), answer([PROTOCOL, "a, b"])],
    ["an empty subprotocol", offer([PROTOCOL, "a"]), answer([PROTOCOL, ""])],
    ["an extension that is not let through", offer([EXTENSIONS, "x-thing"]), answer([EXTENSIONS, "x-thing"])],
    [
      "compression twice",
      offer([EXTENSIONS, "permessage-deflate"]),
      answer([EXTENSIONS, "permessage-deflate, permessage-deflate"]),
    ],
    ["the accept of another key", HeaderLines.of(["sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="]), answer()],
  ])("does not agree on %s", (_what, offered, answered) => {
    expect(agreementOf(offered, answered).ok).toBe(false);
  });
});
