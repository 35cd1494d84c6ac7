/** What a command may touch of the world; the tests give their own. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** What comes through the pipe of this command. */
  stdin(): AsyncIterable<Uint8Array>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number | undefined;
  readonly pid: number;
  /** Processors this process may use for threads; 0 where it may start none. */
  readonly cores: number;
  now(): Date;
  /** Milliseconds that only go forward. */
  monotonic(): number;
  /** Calls back every so many milliseconds until the returned function is called. */
  every(ms: number, action: () => void): () => void;
  /** Aborted after so many milliseconds. */
  after(ms: number): AbortSignal;
  /** Cryptographically strong. */
  random(bytes: number): Uint8Array;
  /** Asks on the terminal without showing what is typed; undefined where there is none, and after Ctrl-C. */
  askSecret(prompt: string): Promise<string | undefined>;
  /** Waits so many milliseconds, less when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Becomes another user for good, with that user's groups, or with this one alone for a user without a name. Only root can. */
  become(user: { readonly uid: number; readonly gid: number; readonly name?: string | undefined }): void;
  /** Acts as another user until the returned function is called: whose files these are decides what it may touch. Only root can. */
  actAs(user: { readonly uid: number; readonly gid: number }): () => void;
  /** Becomes another program, for good; what `execve` refuses must have been refused before. */
  replaceProcess(
    file: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): number;
  /** One answer of a server on this machine; a megabyte and five seconds at most. @throws system errors */
  get(url: URL): Promise<{ readonly status: number; readonly text: string }>;
  /** The fs-verity digest of an open file, or why there is none. */
  measureVerity(fd: number): Promise<string | Error>;
  /** The operating system, as Node.js names it. */
  readonly platform: NodeJS.Platform;
  /** Where this process stands, for relative paths. @throws KnownError USAGE where it was removed */
  readonly directory: string;
  /** The program that runs: the single executable, or Node.js. */
  readonly program: string;
  /** Whether that program is this tool in one file, without Node.js. */
  readonly singleExecutable: boolean;
  /** What the system says of this host's mounts and of its boot. */
  host(): {
    readonly mountInfo: string | undefined;
    readonly bootId: string | undefined;
    readonly groups: readonly number[];
  };
  /** Aborted by Ctrl-C or SIGTERM; the reason is the exit status. */
  readonly interrupted: AbortSignal;
}

export interface Sink {
  /** Resolves once the text was taken. Never rejects: a reader that went away is no error, anything else is `failure`. */
  write(text: string): Promise<void>;
  /** Why text was lost (a full disk), once it was. */
  readonly failure?: string | undefined;
  readonly isTerminal: boolean;
  /** Characters in a line; 80 where it is not known. */
  readonly columns: number;
  /** Lines on the screen, where it is known. */
  readonly rows?: number | undefined;
}
