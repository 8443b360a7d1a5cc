import { parse, stringify } from 'yaml'
import { AppError } from '../base/errors.ts'
import { isTree, type Tree } from '../base/merge.ts'

/**
 * The one context of a kubeconfig that is meant, with its cluster and user and nothing else. What would need other files
 * or programs of this machine is refused: the engine's programs run without them.
 */
export function chooseContext(text: string, wanted: string | undefined, of = 'provider'): string {
  try {
    return chosen(text, wanted)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const field = `${of}.${String(error.details?.['field'])}`
    throw new AppError(error.kind, error.code, `${of}.${error.message}`, { details: { ...error.details, field } })
  }
}

function chosen(text: string, wanted: string | undefined): string {
  const config = read(text)
  const contexts = named(config['contexts'])
  const name = wanted ?? config['current-context']
  const known = [...contexts.keys()].join(', ') || 'none'
  if (typeof name !== 'string' || name === '')
    throw refused('context', 'the kubeconfig names no current context', `one of ${known}`)
  const context = treeIn(contexts.get(name), 'context')
  if (context === undefined) throw refused('context', `${name} is no context of the kubeconfig`, `one of ${known}`)
  const cluster = treeIn(named(config['clusters']).get(String(context['cluster'])), 'cluster')
  if (typeof cluster?.['server'] !== 'string')
    throw refused('kubeconfig', `context ${name} names no cluster with a server`, 'a whole kubeconfig')
  const user = treeIn(named(config['users']).get(String(context['user'])), 'user') ?? {}
  refuseOthersFiles({ ...cluster, ...user })
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'site',
    contexts: [{ name: 'site', context: { cluster: 'site', user: 'site' } }],
    clusters: [{ name: 'site', cluster }],
    users: [{ name: 'site', user }],
  })
}

function read(text: string): Tree {
  try {
    const found: unknown = parse(text)
    if (isTree(found) && found['kind'] === 'Config') return found
  } catch {
    // Not told: what is wrong with it may be part of a secret.
  }
  throw refused('kubeconfig', 'it is no kubeconfig', 'a YAML file with kind: Config')
}

function named(list: unknown): Map<string, Tree> {
  const entries = Array.isArray(list) ? list.filter(isTree) : []
  return new Map(entries.map((entry) => [String(entry['name']), entry]))
}

function treeIn(entry: Tree | undefined, field: string): Tree | undefined {
  const inside = entry?.[field]
  return isTree(inside) ? inside : undefined
}

const others: Readonly<Record<string, string>> = {
  'certificate-authority': 'certificate-authority-data',
  'client-certificate': 'client-certificate-data',
  'client-key': 'client-key-data',
  tokenFile: 'token',
}

function refuseOthersFiles(parts: Tree): void {
  const found = Object.keys(others).find((field) => parts[field] !== undefined)
  if (found !== undefined)
    throw refused(
      'kubeconfig',
      `${found} names a file of this machine`,
      `${others[found]}, as kubectl config view --raw --flatten writes it`,
    )
  if (parts['exec'] !== undefined || parts['auth-provider'] !== undefined)
    throw refused(
      'kubeconfig',
      'its user signs in by a program of this machine',
      'a kubeconfig with the token of a ServiceAccount that may do everything (docs/existing-cluster.md)',
    )
}

function refused(field: string, problem: string, right: string): AppError {
  return new AppError('invalid', 'kubeconfig-invalid', `${field}: ${problem}; right is ${right}`, {
    details: { field, right },
  })
}
