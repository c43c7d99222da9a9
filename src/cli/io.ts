/** How a command ended: done, failed, called wrongly. */
export type ExitCode = 0 | 1 | 2;

/** Everything a command reaches outside of what it is about; a test gives its own. */
export interface CommandIo {
  /** Data. */
  readonly stdout: Terminal;
  /** Diagnostics and progress. */
  readonly stderr: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the gateway. */
  readonly version: string;
  /** Epoch milliseconds. */
  readonly wallMs: () => number;
  /** Resolves when the operator wants the command to stop (SIGINT, SIGTERM); for commands that stay. */
  readonly stopped: () => Promise<NodeJS.Signals>;
  /** Runs `listener` at every SIGHUP until the returned function takes it back. */
  readonly onHangup: (listener: () => void) => () => void;
  /** Notes how the command ended; the last call counts, 0 without one. Nothing ends here and now. */
  readonly exit: (code: ExitCode) => void;
}

/** Where text goes. */
export interface Terminal {
  readonly write: (text: string) => void;
  /** Whether a person looks at it. */
  readonly isTty: boolean;
}
