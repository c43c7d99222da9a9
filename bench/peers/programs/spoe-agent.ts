import { createServer, type Socket } from "node:net";
import { sayPort } from "./say-port.ts";
import { FRAME, frame, FrameCursor, helloPayload, MAX_FRAME_BYTES, setVariable } from "./spop.ts";

// Judges as the other peers' services do: the tenant of x-tenant-id becomes a variable, and none means no.
const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const answers: Buffer[] = [];
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE(0);
      if (length > MAX_FRAME_BYTES) return void socket.destroy();
      if (bytes.length < 4 + length) break;
      answers.push(...answerTo(bytes.subarray(4, 4 + length), socket));
      bytes = bytes.subarray(4 + length);
    }
    rest = bytes;
    // what one read brought is answered by one write
    if (answers.length > 0) socket.write(answers.length === 1 ? (answers[0] ?? "") : Buffer.concat(answers));
  });
});
server.listen(0, "127.0.0.1", () => sayPort(server.address()));

function answerTo(bytes: Buffer, socket: Socket): readonly Buffer[] {
  const cursor = new FrameCursor(bytes);
  const type = cursor.byte();
  cursor.skip(4);
  const ids = { stream: cursor.number(), frame: cursor.number() };
  switch (type) {
    case FRAME.HAPROXY_HELLO:
      return [frame(FRAME.AGENT_HELLO, ids, helloPayload())];
    case FRAME.NOTIFY:
      return [frame(FRAME.ACK, ids, verdictOn(cursor))];
    case FRAME.HAPROXY_DISCONNECT:
      socket.end();
      return [];
    default:
      return [];
  }
}

/** One message with one argument, the header lines as they came. */
function verdictOn(cursor: FrameCursor): Buffer {
  cursor.text();
  for (let left = cursor.byte(); left > 0; left -= 1) {
    const name = cursor.text();
    const value = cursor.value();
    const tenant = name === "headers" ? /^x-tenant-id:[ \t]*([^\r\n]+)/im.exec(value ?? "")?.[1] : undefined;
    if (tenant !== undefined) return setVariable("tenant", tenant);
  }
  return Buffer.alloc(0);
}
