import { readFileSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { explain } from '../base/errors.ts'
import { debianPackages, missingPackages } from '../tools/packages.ts'
import { type Check, failedCheck as failed, passedCheck as passed } from './checks.ts'
import { isFar } from './cloud.ts'
import { readComponents, readNodes } from './components.ts'
import { siteLines } from './hosts.ts'
import { networkChecks } from './network-checks.ts'
import { readNetworkFacts } from './network-facts.ts'
import { type FindHolder, wellKnownPorts } from './ports.ts'
import { simulatedText, type Site, type SitePorts, siteHosts } from './site.ts'

export interface CheckSources {
  readonly site: Site | undefined
  /** The folder of the site's programs, when they are there. */
  readonly tools: string | undefined
  readonly cloudAnswers: () => Promise<boolean>
  readonly kubernetes: () => Kubernetes
  readonly findHolder: FindHolder
}

/** Checks beyond the host's size: what is installed, what is reachable, how the site is. */
export async function siteChecks(sources: CheckSources): Promise<Check[]> {
  const { site } = sources
  const network = networkChecks(await readNetworkFacts(), site)
  const machines = site?.simulated === true ? [] : [await packages(), ...network]
  const host = [...machines, tools(sources.tools), await registries()]
  if (site === undefined) {
    const none = passed('site', 'none yet: ./cloudmgr up makes it', false)
    return [...host, ...ports(wellKnownPorts, sources.findHolder, newPortMend), none]
  }
  const answers = await sources.cloudAnswers()
  return [
    ...host,
    ...simulated(site),
    ...(isFar(site) ? [] : [...ports(site.ports, sources.findHolder, keptPortMend), hostsLines(site)]),
    await names(site),
    ...(await running(answers, sources)),
  ]
}

async function packages(): Promise<Check> {
  const names = Object.keys(debianPackages)
  const missing = await missingPackages(names)
  if (missing.length === 0) return passed('packages', `${names.length} Debian packages`)
  return failed(
    'packages',
    `missing: ${missing.join(', ')}`,
    `apt-get install ${missing.join(' ')} (up does it when root)`,
    false,
  )
}

function tools(folder: string | undefined): Check {
  if (folder !== undefined) return passed('tools', folder)
  return failed('tools', 'not built yet', './cloudmgr up builds them, about 15 minutes on two cores', false)
}

async function registries(): Promise<Check> {
  const hosts = { Go: 'proxy.golang.org', npm: 'registry.npmjs.org', PyPI: 'pypi.org' }
  const unknown = await Promise.all(
    Object.entries(hosts).map(async ([name, host]) => ((await resolves(host)) ? [] : [`${name} (${host})`])),
  )
  const missing = unknown.flat()
  if (missing.length === 0) return passed('registries', Object.keys(hosts).join(', '), false)
  return failed('registries', `names not found: ${missing.join(', ')}`, 'fine behind a proxy; else check DNS', false)
}

async function resolves(host: string): Promise<boolean> {
  try {
    await lookup(host)
    return true
  } catch {
    // What we wanted to know.
    return false
  }
}

function simulated(site: Site): Check[] {
  const text = simulatedText(site)
  return text === undefined ? [] : [passed('simulated', text, false)]
}

function newPortMend(name: string): string {
  return `stop it, or choose another with ./cloudmgr up --${name}-port or --port-base`
}

const keptPortMend = () => 'stop it; another port needs a new site'

function ports(wanted: SitePorts, findHolder: FindHolder, mend: (name: string) => string): Check[] {
  return Object.entries(wanted).map(([name, port]) => {
    const holder = findHolder(port)
    if (holder === undefined || holder.ours)
      return passed(`port ${port}`, `${name}: ${holder === undefined ? 'free' : 'served by the local cloud'}`)
    return failed(`port ${port}`, `${name}: taken by ${holder.program}`, mend(name))
  })
}

function hostsLines(site: Site): Check {
  if (siteLines(readFileSync('/etc/hosts', 'utf8'), site.name).length > 0) return passed('hosts', 'lines in /etc/hosts')
  return failed('hosts', 'no lines in /etc/hosts', './cloudmgr up adds them when root', false)
}

async function names(site: Site): Promise<Check> {
  const { hub } = siteHosts(site)
  if (await resolves(hub)) return passed('names', `${hub} resolves`)
  return failed(
    'names',
    `${hub} does not resolve`,
    isFar(site)
      ? `point ${hub}, and notebook., *.notebook., mongo. and broker. of ${site.domain}, to its load balancer`
      : `add "127.0.0.1 ${hub}" to /etc/hosts, or run ./cloudmgr up as root`,
    false,
  )
}

/** What keeps a cluster elsewhere from answering. */
async function farTrouble(name: string, { kubernetes }: CheckSources): Promise<Check> {
  const mend = 'look at the cluster; ./cloudmgr up goes on'
  try {
    return failed(name, `Kubernetes ${await kubernetes().version()} answers again`, './cloudmgr up goes on', false)
  } catch (cause) {
    return failed(name, explain(cause), mend, false)
  }
}

async function running(answers: boolean, sources: CheckSources): Promise<Check[]> {
  const far = sources.site !== undefined && isFar(sources.site)
  const cloud = far ? 'API server' : 'local cloud'
  if (!answers && far) return [await farTrouble(cloud, sources)]
  if (!answers) return [failed(cloud, 'not running', './cloudmgr up starts it', false)]
  try {
    const kubernetes = sources.kubernetes()
    const [nodes, components] = await Promise.all([readNodes(kubernetes), readComponents(kubernetes)])
    const lost = nodes.filter((node) => !node.ready).map((node) => node.name)
    const ill = components.filter((component) => component.state !== 'ready')
    return [
      passed(cloud, 'answers'),
      lost.length === 0
        ? passed('machines', `${nodes.length} ready`)
        : failed('machines', `not ready: ${lost.join(', ')}`, './cloudmgr up mends them'),
      ...ill.map(({ name, reason }) => failed(name, reason, `./cloudmgr logs ${name}`)),
      ...(ill.length === 0 ? [passed('components', `${components.length} serve`)] : []),
    ]
  } catch (cause) {
    return [passed(cloud, 'answers'), failed('cluster', explain(cause), './cloudmgr up mends it')]
  }
}
