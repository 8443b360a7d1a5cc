import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { randomWord } from '../base/secrets.ts'

const key = () => `k1:${randomBytes(32).toString('base64')}`
const hex = () => randomBytes(32).toString('hex')
const word = () => randomWord(32)
const apikey = () => randomWord(40)

/** How each secret of a site is made, once. They outlive the cluster: the kept volumes know these passwords. */
const makers = {
  mongodbAdmin: word,
  mysqlRoot: word,
  mysqlOmegaweb: word,
  mysqlCloudmgr: word,
  mysqlJupyterhub: word,
  rabbitmqAdmin: word,
  rabbitmqCookie: word,
  rabbitmqOmegaweb: word,
  settingsKeys: key,
  engineKeys: key,
  bootstrapKey: word,
  jupyterhubApiToken: hex,
  jupyterhubCookieSecret: hex,
  jupyterhubProxyToken: hex,
  jupyterhubOidcSecret: apikey,
  adminPassword: () => randomWord(16),
  demoPassword: () => randomWord(16),
  // The site chooses these keys: machines have them in Secrets before the service runs.
  adminApikey: apikey,
  omworkerApikey: apikey,
  jyadminApikey: apikey,
} as const

export type SecretName = keyof typeof makers

/** A key that the service hands out: known once the account was made. */
export type AccountKey = 'demoApikey'

export type SiteSecrets = Readonly<Record<SecretName, string> & Partial<Record<AccountKey, string>>>

const sealed = z.object({ version: z.literal(1), iv: z.string(), tag: z.string(), data: z.string() })

/** The site's secrets, made where missing and kept encrypted in the state folder, the key file beside them. */
export function ensureSecrets(folder: string): SiteSecrets {
  const stored = readSecrets(folder)
  const all = { ...stored }
  for (const name of Object.keys(makers) as SecretName[]) all[name] ??= makers[name]()
  if (Object.keys(all).length > Object.keys(stored).length) writeSecrets(folder, all)
  return all as SiteSecrets
}

const given = 'given/'

/** Secrets that the site file refers to, by `<secret>/<key>`; those of the last `up` go. */
export function storeGivenSecrets(folder: string, values: Readonly<Record<string, string>>): void {
  const own = Object.entries(ensureSecrets(folder)).filter(([name]) => !name.startsWith(given))
  writeSecrets(folder, { ...Object.fromEntries(own), ...storedForm(values) })
}

/** All that is kept, without making what is missing. */
export function readStored(folder: string): Readonly<Record<string, string>> {
  return readSecrets(folder)
}

/** Adds to what is kept, or replaces it. */
export function storeSecrets(folder: string, values: Readonly<Record<string, string>>): void {
  writeSecrets(folder, { ...ensureSecrets(folder), ...values })
}

/** As `storeGivenSecrets`, and those that are there stay. */
export function addGivenSecrets(folder: string, values: Readonly<Record<string, string>>): void {
  storeSecrets(folder, storedForm(values))
}

export function dropGivenSecret(folder: string, secret: string): void {
  const known = Object.entries(readSecrets(folder))
  const kept = known.filter(([name]) => !name.startsWith(`${given}${secret}/`))
  if (kept.length < known.length) writeSecrets(folder, Object.fromEntries(kept))
}

/** As they are kept. */
export function storedForm(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${given}${name}`, value]))
}

const ofState = 'state/'

/** Variables that a backend of Terraform takes its secrets from; those of the last `up` go. */
export function storeStateEnv(folder: string, env: Readonly<Record<string, string>>): void {
  const others = Object.entries(ensureSecrets(folder)).filter(([name]) => !name.startsWith(ofState))
  const added = Object.entries(env).map(([name, value]) => [`${ofState}${name}`, value])
  writeSecrets(folder, Object.fromEntries([...others, ...added]))
}

/** As they are kept. */
export function stateEnv(folder: string): Readonly<Record<string, string>> {
  const found = Object.entries(readSecrets(folder)).filter(([name]) => name.startsWith(ofState))
  return Object.fromEntries(found.map(([name, value]) => [name.slice(ofState.length), value]))
}

const ofCloud = 'cloud/'

/** Secrets that the site's own steps use: kubeconfig, tokens, the registry's credential. Those of the last `up` go. */
export function storeCloudSecrets(folder: string, values: Readonly<Record<string, string>>): void {
  const others = Object.entries(ensureSecrets(folder)).filter(([name]) => !name.startsWith(ofCloud))
  const added = Object.entries(values).map(([name, value]) => [`${ofCloud}${name}`, value])
  writeSecrets(folder, Object.fromEntries([...others, ...added]))
}

export function cloudSecrets(secrets: Readonly<Record<string, string>>): Record<string, string> {
  const found = Object.entries(secrets).filter(([name]) => name.startsWith(ofCloud))
  return Object.fromEntries(found.map(([name, value]) => [name.slice(ofCloud.length), value]))
}

/** By Secret, then by key. */
export function givenSecrets(secrets: Readonly<Record<string, string>>): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {}
  for (const [name, value] of Object.entries(secrets)) {
    const [, secret, key] = /^given\/([^/]+)\/(.+)$/.exec(name) ?? []
    if (secret !== undefined && key !== undefined) found[secret] = { ...found[secret], [key]: value }
  }
  return found
}

export function storeAccountKeys(folder: string, keys: Partial<Record<AccountKey | SecretName, string>>): SiteSecrets {
  writeSecrets(folder, { ...ensureSecrets(folder), ...keys })
  return ensureSecrets(folder)
}

function readSecrets(folder: string): Record<string, string> {
  const path = join(folder, 'secrets.json')
  if (!existsSync(path)) return {}
  try {
    const { iv, tag, data } = sealed.parse(JSON.parse(readFileSync(path, 'utf8')))
    const decipher = createDecipheriv('aes-256-gcm', masterKey(folder), Buffer.from(iv, 'base64'))
    decipher.setAuthTag(Buffer.from(tag, 'base64'))
    const text = Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()]).toString('utf8')
    return z.record(z.string(), z.string()).parse(JSON.parse(text))
  } catch (cause) {
    // Never replaced by new ones: the volumes would not open any more.
    throw new AppError(
      'conflict',
      'secrets-unreadable',
      `reading ${path} with the file "key" beside it: put both back from a backup`,
      {
        cause,
      },
    )
  }
}

function writeSecrets(folder: string, secrets: Record<string, string>): void {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', masterKey(folder), iv)
  const data = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()])
  const content = {
    version: 1,
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  }
  replaceFile(join(folder, 'secrets.json'), `${JSON.stringify(content)}\n`)
}

function masterKey(folder: string): Buffer {
  const path = join(folder, 'key')
  if (!existsSync(path) && !existsSync(join(folder, 'secrets.json'))) {
    replaceFile(path, `${randomBytes(32).toString('base64')}\n`)
  }
  return Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
}

/** Whole or not at all, and readable by the owner only. */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.new`
  writeFileSync(draft, text, { mode: 0o600 })
  renameSync(draft, path)
}
