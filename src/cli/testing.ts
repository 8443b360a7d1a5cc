import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { createFakeOutside, type FakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'

/** The CLI with a fake outside and a folder of its own, new for each test. */
export interface TestCli {
  /** Where a site file lies. */
  folder: string
  /** Of the site. */
  state: string
  outside: FakeOutside
  /** Runs the CLI; its exit code. */
  run(...words: string[]): Promise<number>
  /** As `run`, and reads the one JSON object that `--json` prints. */
  json<T>(...words: string[]): Promise<T>
}

/** To be called once by a test file; `begin` is done before each test. */
export function testCli(begin: (cli: TestCli) => Promise<void> | void = () => {}): TestCli {
  const cli = {
    run: async (...words: string[]) => await runCli([...words, '--state', cli.state], cli.outside.io),
    json: async <T>(...words: string[]) => {
      const code = await cli.run(...words, '--json')
      const { out, err } = cli.outside.printed()
      expect(err).toBe('')
      expect(code).toBe(0)
      return JSON.parse(out) as T
    },
  } as TestCli
  beforeEach(async () => {
    cli.folder = mkdtempSync(join(tmpdir(), 'cloudmgr-cli-'))
    cli.state = join(cli.folder, 'site')
    // Sites of whoever runs the tests have ports, too.
    vi.stubEnv('CLOUDMGR_HOME', join(cli.folder, 'home'))
    cli.outside = createFakeOutside(cli.folder)
    await begin(cli)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(cli.folder, { recursive: true, force: true })
  })
  return cli
}
