import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { explain } from '../base/errors.ts'
import { type ComponentState, type NodeState, readComponents, readNodes } from '../site/components.ts'
import type { CommandView, Journal, StepView } from '../site/journal.ts'
import { isFar } from '../site/cloud.ts'
import { isLocked } from '../site/lock.ts'
import type { CloudControl, HostProgram, OtherCluster } from '../site/operator.ts'
import { simulatedParts, type SiteUrls, siteUrls } from '../site/site.ts'
import { accountStatus } from './account-status.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, openSite, print, printJson } from './io.ts'
import { isElsewhere } from './service.ts'
import { coloured, plain, type Style } from './style.ts'
import { table } from './table.ts'

export interface SiteStatus {
  readonly site: string
  readonly profile: string
  /** `down`: stopped by the operator or by a reboot; `degraded`: something does not serve. */
  readonly state: 'up' | 'degraded' | 'changing' | 'down'
  readonly urls: SiteUrls
  /** What only says that it is there; left out where all is real. */
  readonly simulated?: readonly string[]
  readonly nodes: readonly NodeState[]
  readonly components: readonly ComponentState[]
  /** Beside the site's own. */
  readonly clusters?: readonly OtherCluster[]
  readonly command?: Pick<CommandView, 'id' | 'plan' | 'phase' | 'state' | 'message'>
  readonly running: readonly StepView[]
  readonly problem?: string
}

export interface StatusOptions extends GlobalOptions {
  readonly account?: string | undefined
  readonly qualifier?: string | undefined
}

/** What the site consists of and how it is; exit code 5 when it is not up. Elsewhere: what runs for an account. */
export async function status(options: StatusOptions, io: Io): Promise<ExitCode> {
  if (options.account !== undefined || isElsewhere(options)) return await accountStatus(options, io)
  const { site, paths } = openSite(options)
  const operator = await io.operator()
  const cloud = operator.cloud(site, paths)
  const answers = await cloud.answers()
  const seen: Seen = answers
    ? await look(operator.kubernetes(paths), site.simulated === true ? cloud : undefined)
    : {
        nodes: [],
        components: [],
        problem: isFar(site) ? 'the cluster does not answer' : 'the local cloud is not running',
      }
  const last = await lastCommand(await operator.openJournal(site, paths))
  const result: SiteStatus = {
    site: site.name,
    profile: site.profile,
    state: stateOf(answers, seen, last?.command, isLocked(paths.folder)),
    urls: siteUrls(site),
    ...(site.simulated === true ? { simulated: [...simulatedParts] } : {}),
    ...seen,
    clusters: answers ? await cloud.others() : [],
    ...(last === undefined ? {} : { command: last.command }),
    running: last?.running ?? [],
  }
  if (options.json === true) printJson(io, result)
  else print(io, ...renderStatus(result, io.out.isTTY === true ? coloured : plain))
  return result.state === 'up' ? exitCodes.ok : exitCodes.unavailable
}

interface Seen {
  readonly nodes: readonly NodeState[]
  readonly components: readonly ComponentState[]
  readonly problem?: string
}

/** With the processes of this host, where the service is one. */
async function look(kubernetes: Kubernetes, host?: Pick<CloudControl, 'programs'>): Promise<Seen> {
  try {
    const [nodes, components, programs] = await Promise.all([
      readNodes(kubernetes),
      readComponents(kubernetes),
      host?.programs() ?? [],
    ])
    return { nodes, components: [...programs.map(componentOf), ...components] }
  } catch (cause) {
    return { nodes: [], components: [], problem: explain(cause) }
  }
}

function componentOf({ name, alive }: HostProgram): ComponentState {
  const found = { name: name.replace(/^process-/, ''), kind: 'process of this host', namespace: 'host' }
  return alive
    ? { ...found, state: 'ready', reason: 'it runs' }
    : { ...found, state: 'failed', reason: 'it has ended, and is started again' }
}

async function lastCommand(journal: Journal): Promise<{ command: CommandView; running: StepView[] } | undefined> {
  try {
    const [command] = await journal.list(1)
    if (command === undefined) return undefined
    const steps = command.state === 'running' ? await journal.steps(command.id) : []
    return { command, running: steps.filter((step) => step.state === 'running') }
  } finally {
    await journal.close()
  }
}

export function stateOf(
  answers: boolean,
  seen: Seen,
  command: Pick<CommandView, 'state'> | undefined,
  busy: boolean,
): SiteStatus['state'] {
  if (busy) return 'changing'
  if (!answers) return 'down'
  // Failed or interrupted: what serves is not all that shall be there.
  if (command !== undefined && command.state !== 'done') return 'degraded'
  const healthy = seen.components.length > 0 && seen.components.every((component) => component.state === 'ready')
  return healthy && seen.nodes.every((node) => node.ready) ? 'up' : 'degraded'
}

export function renderStatus(result: SiteStatus, style: Style): string[] {
  const mark = (good: boolean) => (good ? style.green('✓') : style.red('✗'))
  const nodes = result.nodes.map((node) => [
    mark(node.ready),
    node.name,
    node.role,
    `${node.cores} cores`,
    `${node.memoryGb} GB`,
  ])
  const clusters = (result.clusters ?? []).map(({ name, state, reason = '' }) => [
    mark(state === 'ready'),
    name,
    state,
    reason,
  ])
  const parts = result.components.map((part) => [
    mark(part.state === 'ready'),
    `${part.namespace}/${part.name}`,
    part.state === 'ready' ? part.kind : part.reason,
  ])
  return [
    `Site ${style.bold(result.site)} (${result.profile}${result.simulated === undefined ? '' : ', simulated'}): ${result.state}${result.problem === undefined ? '' : ` (${result.problem})`}`,
    `  API        ${result.urls.api}`,
    ...(result.simulated === undefined
      ? [`  Notebooks  ${result.urls.notebook}`]
      : [`  Simulated  ${result.simulated.join(', ')}: nobody's code runs`]),
    ...(nodes.length === 0 ? [] : ['', 'Machines', ...indent(table(nodes))]),
    ...(clusters.length === 0 ? [] : ['', 'Clusters beside it', ...indent(table(clusters))]),
    ...(parts.length === 0 ? [] : ['', 'Components', ...indent(table(parts))]),
    ...(result.running.length === 0
      ? []
      : [
          '',
          'Running',
          ...result.running.map(
            (step) => `  ${step.step}${step.waiting === undefined ? '' : `: waiting for ${step.waiting}`}`,
          ),
        ]),
    ...next(result),
  ]
}

/** What to do about it; of a command that did not end well, which step it was. */
function next({ state, command, problem }: SiteStatus): string[] {
  if (state === 'down') return ['', './cloudmgr up starts it']
  if (state !== 'degraded') return []
  if (command === undefined || command.state === 'done')
    return ['', `./cloudmgr doctor says what is missing${problem === undefined ? ', ./cloudmgr up mends it' : ''}`]
  const { plan, id, message = '' } = command
  const [, step] = /^([a-z0-9-]+): /.exec(message) ?? []
  const how = command.state === 'failed' ? `failed: ${message}` : 'was interrupted'
  return [
    '',
    `Command ${id} (${plan}) ${how}`,
    `./cloudmgr ${wordOf[plan] ?? 'up'} continues it${step === undefined ? '' : `; ./cloudmgr logs ${step} shows what it printed`}`,
  ]
}

/** What orders the site's plans. */
const wordOf: Readonly<Record<string, string>> = { 'site-down': 'down', 'site-purge': 'down --purge' }

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}
