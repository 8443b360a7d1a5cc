import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { PortHolder } from './ports.ts'

const LISTEN = '0A'

/** Who listens on a TCP port of this host (any address), read from /proc; `undefined` when nobody does. */
export function findListener(port: number): PortHolder | undefined {
  const inode = listeningInode(port)
  if (inode === undefined) return undefined
  const pid = processWithSocket(inode)
  if (pid === undefined) return { program: 'a program of another user', ours: false }
  const words = read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean)
  return { pid, program: describe(words), ours: isOurs(words) }
}

/** The local cloud's own programs, and the service of a simulated site. */
function isOurs(words: readonly string[]): boolean {
  return (
    words.some((word) => /(^|\/)src\/local\//.test(word)) ||
    words.slice(1).join(' ').includes('main.ts serve simulated')
  )
}

/** The program and, for an interpreter, what it runs: enough to be recognized, without secrets of its arguments. */
function describe(words: readonly string[]): string {
  const [program = 'an unknown program', script] = words.map((word) => word.split('/').pop() ?? word)
  const interpreter = /^(node|python[0-9.]*|ruby|java|sh|bash)$/.test(program)
  return interpreter && script !== undefined && !script.startsWith('-') ? `${program} ${script}` : program
}

function listeningInode(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of read(file).split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/)
      if (columns[3] === LISTEN && columns[1]?.endsWith(`:${hex}`) === true) return columns[9]
    }
  }
  return undefined
}

function processWithSocket(inode: string): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (openFiles(pid).includes(`socket:[${inode}]`)) return Number(pid)
  }
  return undefined
}

function openFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => link(`/proc/${pid}/fd/${fd}`))
  } catch {
    // Gone meanwhile, or another user's process: not the one we may name.
    return []
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // Closed meanwhile.
    return ''
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // No IPv6, or the process ended meanwhile: nothing to see there.
    return ''
  }
}
