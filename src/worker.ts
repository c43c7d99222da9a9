import { serveAsWorkerProcess } from "./app/workers/worker-process.ts";

// started by the control process of a gateway with several workers, never by hand (C37)
serveAsWorkerProcess();
