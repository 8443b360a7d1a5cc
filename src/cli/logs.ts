import type { Kubernetes, Manifest } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import { didYouMean, nearest } from '../base/nearest.ts'
import { siteNamespaces } from '../site/components.ts'
import type { Journal } from '../site/journal.ts'
import { podLogs } from './account-status.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, openSite, print, printJson } from './io.ts'
import { isElsewhere } from './service.ts'

export interface LogsOptions extends GlobalOptions {
  readonly lines: number
  readonly account?: string | undefined
  readonly qualifier?: string | undefined
}

interface Source {
  readonly source: string
  readonly lines: readonly string[]
}

/**
 * A step's output in the journal, or the logs of a component's pods; without a name the newest command's output. Of an
 * account, or elsewhere: what its pods say.
 */
export async function logs(name: string | undefined, options: LogsOptions, io: Io): Promise<ExitCode> {
  if (options.account !== undefined || isElsewhere(options)) return await podLogs(name, options, io)
  const { site, paths } = openSite(options)
  const operator = await io.operator()
  const journal = await operator.openJournal(site, paths)
  try {
    const steps = await stepOutput(journal, name)
    const found =
      steps.length > 0 || name === undefined ? steps : await podOutput(operator.kubernetes(paths), name, options.lines)
    if (found.length === 0) {
      throw await unknownName(journal, name)
    }
    const cut = found.map(({ source, lines }) => ({ source, lines: lines.slice(-options.lines) }))
    if (options.json === true) printJson(io, cut)
    else for (const { source, lines } of cut) print(io, `== ${source}`, ...lines, '')
    return exitCodes.ok
  } finally {
    await journal.close()
  }
}

async function unknownName(journal: Journal, name: string | undefined): Promise<AppError> {
  if (name === undefined) return new AppError('not-found', 'no-logs', 'nothing ran yet: ./cloudmgr up begins')
  const [newest] = await journal.list(1)
  const steps = newest === undefined ? [] : (await journal.steps(newest.id)).map(({ step }) => step)
  const meant = didYouMean(nearest(name, steps))
  const text = `there is no step and no component named "${name}"${meant}; ./cloudmgr logs has all steps, ./cloudmgr status the components`
  return new AppError('not-found', 'no-logs', text)
}

async function stepOutput(journal: Journal, name: string | undefined): Promise<Source[]> {
  for (const command of await journal.list(20)) {
    const steps = (await journal.steps(command.id)).filter((step) => name === undefined || step.step === name)
    const ran = steps.filter((step) => step.startedAt !== undefined)
    if (ran.length === 0) continue
    return await Promise.all(
      ran.map(async (step) => {
        const end = step.message === undefined ? [] : [`${step.state}: ${step.message}`]
        return {
          source: `${command.plan} ${command.id}: ${step.step}`,
          lines: [...(await journal.output(step.task)), ...end],
        }
      }),
    )
  }
  return []
}

async function podOutput(kubernetes: Kubernetes, name: string, lines: number): Promise<Source[]> {
  const lists = await Promise.all(
    siteNamespaces.map(async (namespace) => await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace })),
  )
  const pods = lists.flat().filter((pod) => belongsTo(pod, name))
  return await Promise.all(
    pods.map(async ({ metadata }) => {
      const text = await kubernetes.podLogs({ namespace: metadata.namespace ?? '', name: metadata.name, lines })
      return { source: `${metadata.namespace}/${metadata.name}`, lines: text.split('\n') }
    }),
  )
}

function belongsTo({ metadata }: Manifest, name: string): boolean {
  const label = metadata.labels?.['app.kubernetes.io/component'] ?? metadata.labels?.['app.kubernetes.io/name']
  return label === name || metadata.name === name || metadata.name.startsWith(`${name}-`)
}
