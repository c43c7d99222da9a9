import { fork } from "node:child_process";
import { once } from "node:events";

/** An upstream that can die. */
export interface UpstreamProcess extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** At once, with whatever it was doing. */
  kill(): Promise<void>;
  /** It keeps its connections and does nothing, until `resume`. */
  freeze(): void;
  resume(): void;
}

/** Starts one; `port` 0 takes a free one. It answers every request with its process id after `delayMs`. */
export async function startUpstreamProcess({ port = 0, delayMs = 0 } = {}): Promise<UpstreamProcess> {
  const child = fork(new URL("upstream-program.ts", import.meta.url), [String(port), String(delayMs)]);
  const [listening] = await once(child, "message");
  const exited = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return {
    url: `http://127.0.0.1:${String(listening)}`,
    port: Number(listening),
    pid: child.pid ?? 0,
    kill,
    freeze: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    [Symbol.asyncDispose]: kill,
  };
}
