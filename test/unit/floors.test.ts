import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../src')

/** From the ground up. A file may import its own room and those of earlier lines, nothing above. */
const floors: readonly (readonly string[])[] = [
  ['base'],
  ['db', 'tools', 'adapters', 'images'],
  ['mails'],
  ['accounts'],
  ['catalog'],
  ['clusters'],
  ['deployments'],
  ['commands'],
  ['actions'],
  ['books'],
  ['status', 'runtimes', 'schedules'],
  ['engine'],
  ['api'],
  ['client'],
  ['site'],
  ['cli'],
  ['wiring'],
  ['main.ts'],
]

/** Programs of their own: what they may import is listed. */
const apart: Readonly<Record<string, readonly string[]>> = { local: ['base', 'tools'] }

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [path] : []
  })
}

function imports(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)
  return [...found].map((match) => resolve(dirname(file), match[1] ?? ''))
}

function room(path: string): string {
  return relative(root, path).split('/')[0] ?? ''
}

function floorOf(name: string): number {
  return floors.findIndex((floor) => floor.includes(name))
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true
  // The entry starts every program; the CLI is the other user of the API and starts the site.
  if (from === 'main.ts') return true
  const allowed = apart[from]
  if (allowed !== undefined) return allowed.includes(to)
  if (apart[to] !== undefined) return false
  return floorOf(to) < floorOf(from)
}

function realAdapter(path: string): boolean {
  const [first, , file] = relative(root, path).split('/')
  return first === 'adapters' && file !== 'port.ts' && file !== 'fake.ts'
}

const files = sources(root)

test('every room has its floor', () => {
  const rooms = new Set(files.map(room))
  expect([...rooms].filter((name) => floorOf(name) < 0 && apart[name] === undefined)).toEqual([])
})

test('imports point down only', () => {
  const wrong = files.flatMap((file) =>
    imports(file)
      .filter((target) => !mayImport(room(file), room(target)))
      .map((target) => `${relative(root, file)} → ${relative(root, target)}`),
  )
  expect(wrong).toEqual([])
})

test('only the wiring imports real adapters', () => {
  const wrong = files.flatMap((file) =>
    imports(file)
      .filter((target) => room(file) !== 'adapters' && room(file) !== 'wiring' && realAdapter(target))
      .map((target) => `${relative(root, file)} → ${relative(root, target)}`),
  )
  expect(wrong).toEqual([])
})

test('the rule would notice an import that points up', () => {
  expect(mayImport('accounts', 'api')).toBe(false)
  expect(mayImport('local', 'site')).toBe(false)
  expect(mayImport('site', 'local')).toBe(false)
  expect(realAdapter(join(root, 'adapters/helm/cli.ts'))).toBe(true)
})
