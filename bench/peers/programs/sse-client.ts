import { get } from "node:http";
import { EVENT_BYTES, STREAMS, eventTimes, wallMs } from "./event-stream.ts";
import { figuresOf } from "./figures-of.ts";

// Opens the streams, listens for so many seconds and prints the figures: an event is what elsewhere is a request.
const [url = "", seconds = ""] = process.argv.slice(2);
const latenciesMs: number[] = [];
let errors = 0;
let open = 0;

for (let stream = 0; stream < STREAMS; stream += 1) {
  const request = get(url, { agent: false }, (response) => {
    if (response.statusCode !== 200) errors += 1;
    open += 1;
    let rest = "";
    response.setEncoding("latin1").on("data", (text: string) => {
      const whole = rest + text;
      const end = whole.length - (whole.length % EVENT_BYTES);
      rest = whole.slice(end);
      const nowMs = wallMs();
      for (const madeMs of eventTimes(whole.slice(0, end))) latenciesMs.push(nowMs - madeMs);
    });
  });
  request.on("error", () => (errors += 1));
}

setTimeout(
  () => {
    errors += STREAMS - open;
    process.stdout.write(`${JSON.stringify({ ...figuresOf(latenciesMs, Number(seconds)), errors })}\n`, () => process.exit(0));
  },
  Number(seconds) * 1_000,
);
