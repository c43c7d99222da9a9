import { connect } from "node:net";

// Opens connections, asks each for one thing so many times, then keeps them open until it is stopped.
const [port = "", path = "", connections = "", requests = ""] = process.argv.slice(2);
const AT_ONCE = 100;
const REQUEST = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const ANSWER_MS = 30_000;

let next = 0;
async function worker(): Promise<void> {
  for (; next < Number(connections);) {
    next += 1;
    await open();
  }
}

/** Answers have a length and come one at a time, so that their end is known by counting. */
function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1");
    let left = Number(requests);
    let answer = "";
    const ask = (): void => void socket.write(REQUEST);
    const timer = setTimeout(() => reject(new Error("no answer")), ANSWER_MS);
    socket.once("connect", ask);
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
      if (!isWhole(answer)) return;
      if (!answer.startsWith("HTTP/1.1 200")) reject(new Error(`answered ${answer.slice(0, 200)}`));
      answer = "";
      left -= 1;
      if (left > 0) return ask();
      clearTimeout(timer);
      resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = Number(/^content-length: *(\d+)/im.exec(answer.slice(0, end))?.[1]);
  if (Number.isNaN(length)) throw new Error("an answer without a length");
  return answer.length >= end + 4 + length;
}

await Promise.all(Array.from({ length: Math.min(AT_ONCE, Number(connections)) }, worker));
// `startProgram` waits for this line; there is no port
process.stdout.write('{"port":0}\n');
