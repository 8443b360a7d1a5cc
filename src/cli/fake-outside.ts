import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { createFakeCloudDisks, type FakeCloudDisks } from '../adapters/cloud-disks/fake.ts'
import { createFakeHcloud } from '../adapters/hcloud/fake.ts'
import { createFakeHelm, type FakeHelm } from '../adapters/helm/fake.ts'
import { createFakeKubernetes, type FakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { createFakeRancher, type FakeRancher } from '../adapters/rancher/fake.ts'
import { createFakeTerraform, type FakeTerraform } from '../adapters/terraform/fake.ts'
import { systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { Images } from '../site/actions/image.ts'
import type { HostFacts } from '../site/checks.ts'
import { openSiteJournal } from '../site/open-journal.ts'
import type { ServerEvent } from '../site/events.ts'
import { isFar } from '../site/cloud.ts'
import { createFarCloud } from '../site/far-cloud.ts'
import type { CloudControl, Operator, RunningKubernetes } from '../site/operator.ts'
import type { FindHolder } from '../site/ports.ts'
import { ensureSecrets } from '../site/secrets.ts'
import type { AccountView, Credential, ServiceApi, ServiceCall } from '../site/service-api.ts'
import { type SiteParts, siteActions, sitePlans } from '../site/site-actions.ts'
import { siteAddress } from '../site/service-address.ts'
import type { Site } from '../site/site.ts'
import type { StatePaths } from '../site/state.ts'
import type { Io } from './io.ts'

const project = resolve(import.meta.dirname, '../..')

/** A host, a cloud, a cluster and a service in memory: enough for the operator's commands from end to end. */
export interface FakeOutside {
  readonly io: Io
  readonly hostsFile: string
  readonly terraform: FakeTerraform
  readonly rancher: FakeRancher
  readonly disks: FakeCloudDisks
  readonly helm: FakeHelm
  readonly kubernetes: FakeKubernetes
  /** What was done outside, in order, such as `build mysql`. */
  readonly done: string[]
  readonly built: Set<string>
  readonly accounts: Map<string, AccountView & { apikey: string }>
  /** Of accounts made by the CLI and the site's steps. */
  readonly passwords: Map<string, string>
  facts: HostFacts
  findHolder: FindHolder
  cloudRuns: boolean
  /** What the local cloud's cluster has. */
  runningKubernetes: RunningKubernetes | undefined
  /** Whether this machine knows the name. */
  resolves: (name: string) => Promise<boolean>
  /** What the commands take for the present. */
  now: () => number
  leftovers: string[]
  toolsFail: AppError | undefined
  /** As if what the images are built from had changed. */
  forgetImages(): void
  /** Called before each image is built. */
  beforeImage: (name: string, signal: AbortSignal) => Promise<void>
  /** What was printed since the last look. */
  printed(): { out: string; err: string }
  answer: string | undefined
  /** Variables that a site file's secrets may name. */
  readonly env: Record<string, string>
  /** Images whose inputs differ from those of the others. */
  readonly tags: Record<string, string>
  /** What the service's own API answers to the CLI. */
  answerCall: (call: ServiceCall) => unknown
  answerEvents: (path: string) => readonly ServerEvent[]
  interrupt(): void
}

export function createFakeOutside(folder: string): FakeOutside {
  mkdirSync(folder, { recursive: true })
  const hostsFile = join(folder, 'hosts')
  writeFileSync(hostsFile, '127.0.0.1 localhost\n')
  const texts = { out: '', err: '' }
  let interruption = new AbortController()
  const kubernetes = createFakeKubernetes()
  const built = new Set<string>()
  const outside: FakeOutside = {
    built,
    hostsFile,
    terraform: createFakeTerraform({
      outputs: (root) => rootOutputs[basename(root)] ?? {},
    }),
    rancher: createFakeRancher(),
    disks: createFakeCloudDisks(),
    helm: createFakeHelm(),
    kubernetes,
    done: [],
    accounts: new Map(),
    passwords: new Map(),
    facts: {
      platform: 'linux',
      uid: 0,
      cores: 4,
      memoryGb: 16,
      availableGb: 12,
      cacheFreeGb: 50,
      stateFreeGb: 50,
      warm: true,
      addresses: ['192.0.2.7', '2001:db8::7'],
      company: { proxies: {}, authorities: [] },
      cgroups: { version: 2, controllers: ['cpu', 'memory', 'pids'] },
    },
    findHolder: () => undefined,
    cloudRuns: false,
    runningKubernetes: undefined,
    resolves: async (name) => readFileSync(hostsFile, 'utf8').includes(` ${name}\n`),
    now: () => Date.now(),
    leftovers: [],
    toolsFail: undefined,
    forgetImages: () => built.clear(),
    beforeImage: async () => {},
    answer: undefined,
    env: {},
    tags: {},
    answerEvents: () => [],
    answerCall: ({ path }) => {
      throw new AppError('not-found', 'route-unknown', path)
    },
    printed: () => {
      const printed = { ...texts }
      texts.out = ''
      texts.err = ''
      return printed
    },
    interrupt: () => interruption.abort(new Error('interrupted')),
    get io(): Io {
      interruption = new AbortController()
      return {
        out: { write: (text) => (texts.out += text) },
        err: { write: (text) => (texts.err += text) },
        ask: async () => outside.answer,
        secret: async () => outside.answer,
        service: (_address, credential) => fakeService(outside, credential),
        now: () => outside.now(),
        operator: async () => fakeOperator(outside),
        interrupted: interruption.signal,
        folder,
      }
    },
  }
  return outside
}

const clusterOutputs = {
  kubeconfig: 'apiVersion: v1\nkind: Config\n',
  ca: '-----BEGIN CERTIFICATE-----\nfake\n',
  registry: { push: '127.0.0.1:5000', pull: '10.0.0.1:5000' },
  dns: '10.0.0.1',
}

const rootOutputs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  cluster: clusterOutputs,
  rancher: { address: '203.0.113.9' },
  'rancher-admin': { token: 'token-abcde:ofTheNewRancher' },
  import: { project_id: 'c-m-abcdefgh:p-abcde', manifest_url: 'https://rancher.example.org/v3/import/x.yaml' },
}

function fakeOperator(outside: FakeOutside): Operator {
  return {
    project,
    env: outside.env,
    facts: () => outside.facts,
    findHolder: (port) => outside.findHolder(port),
    openJournal: async (site, paths) =>
      await openSiteJournal({
        site,
        paths,
        project,
        actions: (keeping) => siteActions(fakeParts(outside, site, paths), keeping),
        plans: (actions) => sitePlans(project, actions),
        clock: systemClock,
      }),
    secrets: ({ folder }) => ensureSecrets(folder),
    cloud: (site, paths) => (isFar(site) ? createFarCloud(paths, outside.kubernetes) : fakeCloud(outside)),
    kubernetes: () => outside.kubernetes,
    clusterOf: () => outside.kubernetes,
    releasesOf: () => outside.helm,
    front: (site) => async () => siteAddress(site),
    helm: () => outside.helm,
    terraform: () => outside.terraform,
    imageTags: async (_paths, names) => Object.fromEntries(names.map((name) => [name, outside.tags[name] ?? 't'])),
    rancher: outside.rancher,
    roots: ({ terraform }) => ({
      state: async (root) => JSON.stringify({ of: join(terraform, root) }),
      addresses: async (root) => await outside.terraform.resources(join(terraform, root)),
    }),
    resolves: (name) => outside.resolves(name),
    secretSources: { env: outside.env, decrypt: async () => ({}) },
    checks: async () => [],
  }
}

function fakeParts(outside: FakeOutside, site: Site, paths: StatePaths): SiteParts {
  const { done, terraform, rancher, kubernetes, helm, hostsFile } = outside
  return {
    project,
    site,
    paths,
    hostsFile,
    terraform,
    rancher,
    rancherCluster: { kubernetes, helm },
    kubernetes,
    hcloud: createFakeHcloud(),
    disks: outside.disks,
    helm,
    toolsFolder: () => '/tools',
    pages: { find: async () => '/pages', build: async () => '/pages' },
    tools: {
      missing: async () => [],
      ensure: async () => {
        if (outside.toolsFail !== undefined) throw outside.toolsFail
        return []
      },
    },
    cloud: isFar(site) ? createFarCloud(paths, kubernetes) : fakeCloud(outside),
    images: fakeImages(outside),
    layOutProvider: async () => void done.push('provider'),
    checkNotebook: async () => void done.push('notebook checked'),
    connect: (credential) => fakeService(outside, credential),
    clock: systemClock,
  }
}

function fakeCloud(outside: FakeOutside): CloudControl {
  return {
    answers: async () => outside.cloudRuns,
    start: async () => {
      outside.cloudRuns = true
      outside.done.push('cloud started')
    },
    stop: async () => {
      outside.cloudRuns = false
      outside.done.push('cloud stopped')
    },
    certificate: async () => clusterOutputs.ca,
    gateway: async () => ({ url: 'https://10.0.0.1:7443', ca: clusterOutputs.ca, token: 'tokenOfTheGateway' }),
    leftovers: async () => outside.leftovers,
    takeBlobs: async () => {},
    prepareDisk: async (images) => {
      outside.done.push(`disk of ${images.length} images`)
      return true
    },
    keepProcess: async (name) => void outside.done.push(`process ${name}`),
    programs: async () => (outside.cloudRuns ? [{ name: 'process-cloudmgr', alive: true }] : []),
    versions: async () => [],
    kubernetes: async () => (outside.cloudRuns ? outside.runningKubernetes : undefined),
    others: async () => [],
  }
}

function fakeImages(outside: FakeOutside): Images {
  const { built } = outside
  return {
    tag: async (name) => outside.tags[name] ?? 't',
    find: async (name) => (built.has(name) ? 'sha256:0' : undefined),
    build: async (name, _registry, { signal }) => {
      await outside.beforeImage(name, signal)
      outside.done.push(`build ${name}`)
      built.add(name)
      return { tag: 't', digest: 'sha256:0', done: 'built' }
    },
  }
}

function fakeService(outside: FakeOutside, credential: Credential): ServiceApi {
  const { accounts } = outside
  const signIn = () => {
    if (credential.kind !== 'apikey') return
    if (accounts.get(credential.userid)?.apikey === credential.apikey) return
    throw new AppError('unauthenticated', 'credentials-wrong', 'wrong')
  }
  const add = (userid: string, email: string, apikey: string): AccountView & { apikey: string } => {
    const account = { userid, email, status: 'active' as const, apikey }
    accounts.set(userid, account)
    return account
  }
  const get = (userid: string) => {
    signIn()
    const account = accounts.get(userid)
    if (account === undefined) throw new AppError('not-found', 'account-unknown', userid)
    return account
  }
  return {
    healthy: async () => true,
    bootstrap: async ({ admin, omworker, jyadmin }) => {
      add('admin', admin.email, admin.apikey)
      add('omworker', omworker.email, omworker.apikey)
      add('jyadmin', jyadmin.email, jyadmin.apikey)
    },
    createAccount: async ({ userid, email, password }) => {
      signIn()
      if (accounts.has(userid))
        throw new AppError('conflict', 'account-exists', `name "${userid}" belongs to another account already`)
      await outside.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `om-${userid}` } })
      if (password !== undefined) outside.passwords.set(userid, password)
      return add(userid, email, `${userid}key`)
    },
    ownApikey: async ({ userid, password }) =>
      outside.passwords.get(userid) === password ? accounts.get(userid)?.apikey : undefined,
    findAccount: async (userid) => {
      signIn()
      return accounts.get(userid)
    },
    listAccounts: async () => [...accounts.values()],
    rotateAccount: async (userid) => {
      const { apikey, ...view } = add(userid, get(userid).email ?? '', `${userid}newkey`)
      const isOwn = credential.kind === 'apikey' && credential.userid === userid
      return isOwn ? { ...view, apikey } : view
    },
    removeAccount: async (userid) => {
      const account = get(userid)
      accounts.delete(userid)
      return { ...account, status: 'removing' }
    },
    ensureDeployments: async () => {
      outside.done.push('deployments ensured')
      return [{ id: 1, plan: 'omegaml', phase: 'update', status: 1 }]
    },
    listCommands: async () => [],
    findCommand: async (id) => ({ id, plan: 'omegaml', phase: 'update', status: 5 }),
    retryCommand: async (id) => ({ id, plan: 'omegaml', phase: 'install', status: 1 }),
    undoCommand: async (id) => ({ id, plan: 'omegaml', phase: 'remove', status: 1 }),
    call: async <T>(call: ServiceCall) => {
      signIn()
      return outside.answerCall(call) as T
    },
    events: async function* (path) {
      signIn()
      yield* outside.answerEvents(path)
    },
    revokeBootstrap: async () => void outside.done.push('bootstrap revoked'),
  }
}
