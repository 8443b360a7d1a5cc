import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs a script as a container would: by sh, with these variables alone. */
export async function mysqlScript(script: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', script], {
    env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, HOME: '/nonexistent', ...env },
  })
  return stdout
}
