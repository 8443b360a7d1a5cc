export interface ScriptRun {
  readonly args: readonly string[]
  /** Added to a clean environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly output?: ((line: string) => void) | undefined
}

/**
 * The scripts of the catalogue: nothing else can be run, and nothing of ours reaches them but arguments and `env`.
 *
 * Errors: `invalid/script-unknown` (with the names there are), `unavailable/script-timed-out`, `unavailable/program-missing`.
 */
export interface Scripts {
  names(): Promise<readonly string[]>
  /** Resolves with the exit code, whatever it is. */
  run(script: string, run: ScriptRun): Promise<number>
}
