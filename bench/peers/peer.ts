import type { Children } from "../measure/children.ts";
import type { RolePid } from "../measure/cpu.ts";
import type { LoadFigures } from "../measure/load.ts";

/** Something that stands between client and upstream, and can be measured. */
export interface Peer {
  /** Unique in the bench. */
  readonly name: string;
  /** How it is set up, in one sentence. */
  readonly description: string;
  /** Why it cannot run on this machine; absent when it can. */
  missing(): string | undefined;
  /** Starts its processes and resolves when it serves. Rejects when it does not come up. */
  start(place: Place): Promise<RunningPeer>;
}

/** What a peer is given. */
export interface Place {
  /** Its own, and empty. */
  readonly directory: string;
  readonly upstreamPort: number;
  readonly certificates: Certificates;
  readonly children: Children;
}

/** A peer that serves. */
export interface RunningPeer {
  /** `http://127.0.0.1:port`, or https with the certificate of the run's interceptor. */
  readonly url: string;
  /** Whose CPU is counted; the load generator and the upstream are never among them. */
  readonly pids: readonly RolePid[];
  /** Called between bursts, outside the measured time: bounds what the peer leaves on disk. */
  afterBurst?(): void;
  /** Its own load, where the run's load generator does not do; nothing is asked of `url` then. Rejects on abort. */
  send?(seconds: number, signal: AbortSignal): Promise<LoadFigures>;
  /** Reviews it has asked for since it started; absent where it does not count them. */
  reviews?(): Promise<number>;
  stop(): Promise<void>;
}

/** Files for mTLS, made by `sallyport certs`. */
export interface Certificates {
  readonly caFile: string;
  readonly client: CertificateFiles;
  readonly server: CertificateFiles;
}

/** One certificate and its key. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** The DNS name it is for. */
  readonly dnsName: string;
}
