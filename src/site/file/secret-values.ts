import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { execa } from 'execa'
import { AppError } from '../../base/errors.ts'
import { isTree, treeAt } from '../../base/merge.ts'
import type { ParsedFile } from './read.ts'
import { fieldName } from '../../catalog/load.ts'
import { namedRefs } from './secret-names.ts'
import { describeRef, type SecretRef } from './secret-ref.ts'
import { type CloudRef, cloudRefs } from './to-cloud.ts'

/** Where references lead to; tests give their own. */
export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The whole of a file encrypted with sops, in the clear. */
  readonly decrypt: (path: string) => Promise<unknown>
}

/** Values of Secrets, by `<secret>/<key>`. */
export type GivenSecrets = Readonly<Record<string, string>>

/** Looks all secrets of the file up that components get; what is missing is told together, by field, never by value. */
export async function readGivenSecrets(file: ParsedFile, sources: SecretSources): Promise<GivenSecrets> {
  const named = namedRefs(file.site).map(({ secret, key, ...rest }) => ({ ...rest, name: `${secret}/${key}` }))
  return await lookAll(named, file, sources)
}

/** Those that the site's own steps use, by their names. */
export async function readCloudSecrets(file: ParsedFile, sources: SecretSources): Promise<GivenSecrets> {
  return await lookAll(cloudRefs(file.site), file, sources)
}

/** Variables of the backend that keeps the Terraform states. */
export async function readStateEnv(
  file: ParsedFile,
  sources: SecretSources,
): Promise<Readonly<Record<string, string>>> {
  const secrets = Object.entries(file.site.state?.secrets ?? {})
  const refs = secrets.map(([name, ref]) => ({ name, ref, path: ['state', 'secrets', name] }))
  return await lookAll(refs, file, sources)
}

async function lookAll(refs: readonly CloudRef[], file: ParsedFile, sources: SecretSources): Promise<GivenSecrets> {
  const found = await Promise.all(refs.map(async (named) => await look(named, file, sources)))
  const errors = found.flatMap((one) => ('problem' in one ? [one] : []))
  if (errors.length > 0) {
    const text = errors.map(({ field, line, problem }) => `${file.path}:${line}: ${field}: ${problem}`).join('\n  ')
    throw new AppError('invalid', 'secret-missing', text, { details: { file: file.path, errors } })
  }
  return Object.fromEntries(found.flatMap((one) => ('value' in one ? [[one.name, one.value] as const] : [])))
}

type Looked =
  | { readonly name: string; readonly value: string }
  | { readonly field: string; readonly line: number | undefined; readonly problem: string }

async function look({ name, ref, path }: CloudRef, file: ParsedFile, sources: SecretSources): Promise<Looked> {
  try {
    return { name, value: await valueOf(ref, dirname(file.path), sources) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { field: fieldName(path), line: file.lineOf(path), problem: error.message }
  }
}

async function valueOf(ref: SecretRef, folder: string, { env, decrypt }: SecretSources): Promise<string> {
  const value = await textOf(ref, folder, env, decrypt)
  if (value !== undefined && value !== '') return value
  throw new AppError('invalid', 'secret-missing', `${describeRef(ref)} is ${value === '' ? 'empty' : 'not there'}`)
}

async function textOf(
  ref: SecretRef,
  folder: string,
  env: SecretSources['env'],
  decrypt: SecretSources['decrypt'],
): Promise<string | undefined> {
  if ('env' in ref) return env[ref.env]
  if ('file' in ref) return readText(resolve(folder, ref.file))
  const tree = await decrypt(resolve(folder, ref.sops))
  const value = isTree(tree) ? treeAt(tree, ref.key) : undefined
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

/** A path of the site file, which is relative to the file's folder. */
export function resolveBeside(file: string, path: string): string {
  return resolve(dirname(file), path)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new AppError(
      'invalid',
      'secret-missing',
      `file ${path} can't be read (${(cause as NodeJS.ErrnoException).code})`,
    )
  }
}

/** By the program sops, found on PATH, with the keys that its own settings name. */
export async function decryptWithSops(path: string): Promise<unknown> {
  const result = await execa('sops', ['--decrypt', '--output-type', 'json', path], { reject: false, stdin: 'ignore' })
  if (result.code === 'ENOENT')
    throw new AppError('invalid', 'secret-missing', `${path} needs the program sops, which is not on PATH`)
  if (result.exitCode !== 0) {
    // Its error stream names keys and files, never values.
    const why = result.stderr.trim().split('\n').slice(-2).join(' | ')
    throw new AppError('invalid', 'secret-missing', `sops can't decrypt ${path}: ${why}`)
  }
  return JSON.parse(result.stdout) as unknown
}
