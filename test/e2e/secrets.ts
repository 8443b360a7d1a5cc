import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parseAllDocuments } from 'yaml'
import type { TestSite } from './cli.ts'
import { kubectl, processes } from './cluster.ts'
import { configOf, type Person, type UpResult } from './people.ts'

interface KubernetesObject {
  readonly kind: string
  readonly type?: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly data?: Readonly<Record<string, string>>
}

/** A text that nobody may find, by what it is: its name is told when it was found, never the text. */
export type Secrets = ReadonlyMap<string, string>

/** What is no secret although it lies in one: names, addresses and public halves. */
const OPEN = /user|name|host|url|endpoint|cluster|^provider$|ca$|\.crt$|userid|email/i

/** Everything that signs somebody in: of the people, and of every Secret in the cluster. */
export async function secretsOf(site: TestSite, up: UpResult, people: readonly Person[]): Promise<Secrets> {
  const found = new Map<string, string>([
    ['the admin’s password', up.admin.password],
    ['the demo account’s key', up.demo.apikey],
  ])
  for (const who of people) {
    found.set(`the key of ${who.userid}`, who.apikey)
    const { OMEGA_MONGO_URL = '', OMEGA_CELERY_CONFIG } = await configOf(who)
    const { BROKER_URL = '' } = OMEGA_CELERY_CONFIG as unknown as Record<string, string>
    found.set(`the database password of ${who.userid}`, new URL(OMEGA_MONGO_URL).password)
    found.set(`the broker password of ${who.userid}`, new URL(BROKER_URL).password)
  }
  const { items } = JSON.parse(await kubectl(site, 'get', 'secrets', '-A', '-o', 'json')) as {
    items: KubernetesObject[]
  }
  for (const { type, metadata, data = {} } of items) {
    // What workers run with, and what Helm keeps.
    if (type === 'cloudmgr.io/settings' || type?.startsWith('helm.sh/') === true) continue
    for (const [key, value] of Object.entries(data)) {
      const text = Buffer.from(value, 'base64').toString()
      if (!OPEN.test(key) && text.length >= 12)
        found.set(`${key} of Secret ${metadata.namespace}/${metadata.name}`, text)
    }
  }
  return found
}

/** Where many may look: logs, process lists, objects that are no Secrets, rendered releases, and what the site keeps in the open. */
export async function* openPlaces(site: TestSite): AsyncGenerator<readonly [place: string, text: string]> {
  yield* podLogs(site)
  for (const pid of await processes(site)) yield ['the process list', readOr(`/proc/${pid}/cmdline`)]
  const kinds = 'pods,deployments,statefulsets,jobs,configmaps,events,networkpolicies,services'
  yield ['objects that are no Secrets', await kubectl(site, 'get', kinds, '-A', '-o', 'json')]
  yield* releases(site)
  for (const words of [['audit'], ['command', 'list'], ['account', 'list']])
    yield [`cloudmgr ${words.join(' ')}`, (await site.run(...words, '--json')).stdout]
  yield* logFiles(site.state)
}

async function* podLogs(site: TestSite): AsyncGenerator<readonly [string, string]> {
  const list = await kubectl(
    site,
    'get',
    'pods',
    '-A',
    '-o',
    'jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{"\\n"}{end}',
  )
  for (const line of list.split('\n').filter((one) => one !== '')) {
    const [namespace = '', name = ''] = line.split(' ')
    const words = ['logs', '-n', namespace, name, '--all-containers', '--tail=-1']
    // A pod that goes or waits has none.
    const text = await kubectl(site, ...words).catch(() => '')
    yield [`the log of pod ${line}`, text]
  }
}

/** What Helm keeps of each release: its values, and its objects without the Secrets among them. */
async function* releases(site: TestSite): AsyncGenerator<readonly [string, string]> {
  const words = ['get', 'secrets', '-A', '--field-selector', 'type=helm.sh/release.v1', '-o', 'json']
  const { items } = JSON.parse(await kubectl(site, ...words)) as { items: KubernetesObject[] }
  for (const { metadata, data } of items) {
    const packed = Buffer.from(data?.['release'] ?? '', 'base64').toString()
    const release = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString()) as {
      config: object
      manifest: string
    }
    const objects = parseAllDocuments(release.manifest).map((document) => document.toJS() as KubernetesObject | null)
    const open = objects.filter((object) => object?.kind !== 'Secret')
    yield [`release ${metadata.namespace}/${metadata.name}`, JSON.stringify([release.config, open])]
  }
}

/** Logs and Terraform roots of the state folder; data, keys and the programs' own configurations are for root alone, and not looked into. */
function* logFiles(folder: string): Generator<readonly [string, string]> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(log|tf\.json|tfvars\.json)$/.test(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    if (/\/(volumes|etcd|kubelet|containerd|registry|pki)\//.test(path) || statSync(path).size > 50e6) continue
    yield [`file ${path.slice(folder.length + 1)}`, readOr(path)]
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended or went meanwhile.
    return ''
  }
}
