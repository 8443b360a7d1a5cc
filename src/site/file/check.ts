import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { readMachineSettings } from '../../clusters/machine-settings.ts'
import { loadProvider } from '../../clusters/provider.ts'
import { loadRancherMatrix } from '../../clusters/rancher-versions.ts'
import { createValueCheck } from './chart-schemas.ts'
import { readChartDefaults } from './chart-values.ts'
import type { Problem } from './problems.ts'
import { isHetznerByRancher } from './rancher-machine.ts'
import { type ParsedFile, readSiteFile, siteFileInvalid } from './read.ts'
import { mistakes, type RancherFacts, type RuleFacts, warnings } from './rules.ts'
import type { SiteFile } from './schema.ts'

/** A site file without mistakes. */
export interface CheckedFile extends ParsedFile {
  readonly facts: RuleFacts
  readonly warnings: readonly Problem[]
}

/** Reads the file, and holds it against schema, catalogue and charts; every mistake is told at once. */
export function checkSiteFile(path: string, project: string): CheckedFile {
  const parsed = readSiteFile(path)
  return checkParsed(parsed, ruleFacts(parsed.site, project))
}

export function checkParsed(parsed: ParsedFile, facts: RuleFacts): CheckedFile {
  const found = mistakes(parsed.site, facts)
  if (found.length > 0) throw siteFileInvalid(parsed, found)
  return { ...parsed, facts, warnings: warnings(parsed.site, facts) }
}

export function ruleFacts(
  { provider, rancher }: Pick<SiteFile, 'provider'> & Partial<Pick<SiteFile, 'rancher'>>,
  project: string,
): RuleFacts {
  const { kind } = provider
  // Of a Rancher's other clouds nobody here knows the machines.
  const name = isHetznerByRancher(provider) ? 'hcloud' : kind
  const providers = join(project, 'catalog', 'providers')
  const charts = join(project, 'charts')
  const chartDefaults = readChartDefaults(charts)
  return {
    provider: existsSync(join(providers, `${name}.yml`)) ? loadProvider(providers, name) : undefined,
    chartDefaults,
    ...(kind === 'rancher' || (rancher !== undefined && rancher.kind !== 'none')
      ? { rancher: rancherFacts(project) }
      : {}),
    checkValues: createValueCheck(charts, chartDefaults),
    plans: plansOfUsers(join(project, 'catalog', 'plans')),
  }
}

function rancherFacts(project: string): RancherFacts {
  return {
    machines: readMachineSettings(join(project, 'terraform', 'rancher-cluster')),
    versions: loadRancherMatrix(join(project, 'catalog', 'rancher.yml')),
  }
}

/** Names only: whether a plan is right is told where it is loaded. */
function plansOfUsers(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yml'))
  const plans = files.map(
    (name) => parse(readFileSync(join(folder, name), 'utf8')) as { plan: string; orderable?: string },
  )
  return plans.filter(({ orderable }) => orderable === 'user').map(({ plan }) => plan)
}
