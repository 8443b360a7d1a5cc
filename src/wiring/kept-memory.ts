import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'

/** What only looks cannot have changed anything. */
const looks = /^(find|has|can|list|database|users|vhosts)/

export interface KeptMemory<Memory> {
  readonly memory: Memory
  /** The same adapter; what it changed in `memory` is in the file before its caller goes on. */
  keeping<T extends object>(fake: T): T
}

/** The memory of fakes in a file, sealed because passwords are in it: rows and world agree after a kill, too. */
export function openKeptMemory<Memory>(file: string, keys: KeyRing, empty: () => Memory): KeptMemory<Memory> {
  const memory = existsSync(file) ? read<Memory>(file, keys) : empty()
  const save = (): void => {
    const draft = `${file}.new`
    writeFileSync(draft, keys.seal(serialize(memory).toString('base64'), context), { mode: 0o600 })
    renameSync(draft, file)
  }
  return { memory, keeping: (fake) => withSaves(fake, save) }
}

const context = 'memory of the simulated services'

function read<Memory>(file: string, keys: KeyRing): Memory {
  try {
    return deserialize(Buffer.from(keys.open(readFileSync(file, 'utf8'), context), 'base64')) as Memory
  } catch (cause) {
    throw new AppError('conflict', 'memory-unreadable', `reading ${file}, what the simulated services remember`, {
      cause,
    })
  }
}

function withSaves<T extends object>(fake: T, save: () => void): T {
  return new Proxy(fake, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function' || looks.test(String(name))) return value
      return async (...words: unknown[]) => {
        try {
          return (await Reflect.apply(value, target, words)) as unknown
        } finally {
          save()
        }
      }
    },
  })
}
