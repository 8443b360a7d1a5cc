import { readdirSync, readlinkSync } from 'node:fs'
import { AppError } from '../base/errors.ts'
import type { Door } from './doors.ts'
import { findText } from './files.ts'
import { processIds } from './processes.ts'
import { isFree } from './registry.ts'

const listening = '0A'

/** Refuses before anything is made: names the port and the program that has it. */
export async function checkPortsFree(doors: readonly Pick<Door, 'address' | 'port'>[]): Promise<void> {
  for (const { address, port } of doors) {
    if (await isFree(port, address)) continue
    const holder = holderOf(port) ?? 'another program'
    throw new AppError(
      'conflict',
      'port-in-use',
      `port ${port} of this host is in use by ${holder}: stop it, or choose another port`,
      {
        details: { field: 'ports', value: port, holder },
      },
    )
  }
}

/** The program that listens on a port, such as `nginx (process 812)`. */
export function holderOf(port: number): string | undefined {
  const inode = listenerInode(port)
  if (inode === undefined) return undefined
  const pid = processIds().find((each) => opensSocket(each, inode))
  return pid === undefined ? undefined : `${findText(`/proc/${pid}/comm`)?.trim() ?? 'a program'} (process ${pid})`
}

function listenerInode(port: number): string | undefined {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = ['tcp', 'tcp6'].flatMap((kind) => (findText(`/proc/net/${kind}`) ?? '').split('\n').slice(1))
  const columns = lines.map((line) => line.trim().split(/\s+/))
  return columns.find(([, local, , state]) => state === listening && local?.endsWith(hex) === true)?.[9]
}

function opensSocket(pid: number, inode: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).some((fd) => readlinkSync(`${folder}/${fd}`) === `socket:[${inode}]`)
  } catch {
    // It ended, or closed a file, while it was looked at.
    return false
  }
}
