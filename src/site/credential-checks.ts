import { X509Certificate } from 'node:crypto'
import { parse } from 'yaml'
import { isTree, type Tree } from '../base/merge.ts'
import type { Check } from './checks.ts'
import { certificatesOf } from './file/certificate.ts'

const day = 86_400_000
/** Before that somebody should know. */
const soonDays = 30

export interface KubeconfigFile {
  readonly text: string
  /** When it was written, in milliseconds. */
  readonly changedAt: number
}

/** A certificate by what people call it, with how to get another. */
export interface NamedCertificate {
  readonly name: string
  readonly pem: string
  readonly mend: string
}

/** How long the ways into the cluster and the site's certificates still last. */
export function credentialChecks(
  kubeconfig: KubeconfigFile | undefined,
  certificates: readonly NamedCertificate[],
  now: Date,
): Check[] {
  return [
    ...(kubeconfig === undefined ? [] : [kubeconfigCheck(kubeconfig, now)]),
    ...certificates.map((certificate) => certificateCheck(certificate, now)),
  ]
}

const newKubeconfig = './cloudmgr up writes a new one; that of a cluster which exists is named by the site file'

function kubeconfigCheck({ text, changedAt }: KubeconfigFile, now: Date): Check {
  const name = 'kubeconfig'
  const ageDays = Math.floor((now.getTime() - changedAt) / day)
  const age = `${ageDays === 1 ? '1 day' : `${ageDays} days`} old`
  const user = userOf(text)
  if (user === undefined)
    return { name, ok: false, needed: false, detail: 'it has no current user', mend: newKubeconfig }
  const end = endOfUser(user)
  if (end !== undefined) return ending(name, `${age}, ${user.what}`, end, now, newKubeconfig)
  if (!user.isRanchers) return { name, ok: true, needed: false, detail: `${age}, ${user.what}` }
  const detail = `${age}, a token of Rancher, which ends after 30 days unless Rancher was told otherwise`
  return ageDays < soonDays - 5
    ? { name, ok: true, needed: false, detail }
    : { name, ok: false, needed: false, detail, mend: newKubeconfig }
}

interface KubeconfigUser {
  readonly what: string
  readonly certificate?: string
  readonly token?: string
  readonly isRanchers: boolean
}

/** Of the current context. */
function userOf(text: string): KubeconfigUser | undefined {
  const file = parseTree(text)
  const named = (list: unknown, name: unknown) =>
    Array.isArray(list) ? (list as Tree[]).find((one) => isTree(one) && one['name'] === name) : undefined
  const context = named(file?.['contexts'], file?.['current-context'])?.['context']
  const user = isTree(context) ? named(file?.['users'], context['user'])?.['user'] : undefined
  if (!isTree(user)) return undefined
  const { 'client-certificate-data': data, token, exec } = user
  if (typeof data === 'string')
    return { what: 'a certificate', certificate: Buffer.from(data, 'base64').toString(), isRanchers: false }
  if (typeof token === 'string')
    return { what: 'a token', token, isRanchers: /^(kubeconfig-|token-)[a-z0-9-]+:/.test(token) }
  return {
    what: exec === undefined ? 'a way in whose end is not known' : 'a program that gets tokens',
    isRanchers: false,
  }
}

function parseTree(text: string): Tree | undefined {
  try {
    const value: unknown = parse(text)
    return isTree(value) ? value : undefined
  } catch {
    // To be told as a kubeconfig without a user.
    return undefined
  }
}

function endOfUser({ certificate, token }: KubeconfigUser): Date | undefined {
  if (certificate !== undefined) return certificatesOf(certificate)[0]?.validToDate
  const payload = token?.split('.')[1]
  if (payload === undefined) return undefined
  const claims = parseTree(Buffer.from(payload, 'base64url').toString())
  return typeof claims?.['exp'] === 'number' ? new Date(claims['exp'] * 1000) : undefined
}

function certificateCheck({ name, pem, mend }: NamedCertificate, now: Date): Check {
  const [certificate] = certificatesOf(pem)
  if (certificate === undefined) return { name, ok: false, needed: true, detail: 'it can’t be read', mend }
  return ending(name, ownerOf(certificate), certificate.validToDate, now, mend)
}

function ownerOf({ subject }: X509Certificate): string {
  return (subject ?? 'without a subject').replaceAll('\n', ', ')
}

function ending(name: string, what: string, end: Date, now: Date, mend: string): Check {
  const days = Math.floor((end.getTime() - now.getTime()) / day)
  const date = end.toISOString().slice(0, 10)
  if (days < 0) return { name, ok: false, needed: true, detail: `${what}: expired on ${date}`, mend }
  const detail = `${what}: until ${date}, ${days === 1 ? '1 day' : `${days} days`}`
  return days < soonDays ? { name, ok: false, needed: false, detail, mend } : { name, ok: true, needed: false, detail }
}
