// An interceptor as a process of its own: allows everything after a while that its parent sets.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { allow, binding, defineInterceptor, serve } from "@sallyport/interceptors-sdk";

let delayMs = 4;
let inFlight = 0;
let mostInFlight = 0;

const guard = defineInterceptor({
  name: "guard",
  bindings: {
    guard: binding({
      phase: "pre-route",
      mode: "validate",
      needs: ["/request/path"],
      async review() {
        inFlight += 1;
        mostInFlight = Math.max(mostInFlight, inFlight);
        await pause(delayMs);
        inFlight -= 1;
        return allow();
      },
    }),
  },
});

const [directory = ".", port = "0"] = process.argv.slice(2);
const file = (name: string): string => readFileSync(`${directory}/${name}`, "utf8");
const running = await serve(guard, {
  listen: `grpcs://127.0.0.1:${Number(port)}`,
  tls: { ca: file("ca.pem"), cert: file("server.pem"), key: file("server.key") },
  gateway: { identity: "mtls" },
  log: () => {},
});
process.on("message", (message: { readonly delayMs?: number }) => {
  if (message.delayMs !== undefined) delayMs = message.delayMs;
  process.send?.({ mostInFlight });
});
process.send?.({ port: running.port });
