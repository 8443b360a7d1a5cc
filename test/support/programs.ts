import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'

/** The path of a program: in CLOUDMGR_TOOLS_BIN, else on PATH; `undefined` when it is in neither. */
export function findProgram(name: string): string | undefined {
  const folders = [
    process.env['CLOUDMGR_TOOLS_BIN'],
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
  ]
  return folders
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder as string, name))
    .find(isProgram)
}

export function needProgram(name: string): string {
  const found = findProgram(name)
  if (found === undefined) throw new Error(`${name} is neither in CLOUDMGR_TOOLS_BIN nor on PATH`)
  return found
}

/** A loopback port nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
