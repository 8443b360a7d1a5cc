import { isTree, mergeTrees, type Tree } from '../../base/merge.ts'
import { loadProvider } from '../../clusters/provider.ts'
import { kindOf } from '../cloud.ts'
import { providersFolder } from '../cloud-roots.ts'
import { layoutOf } from '../layout.ts'
import { type PlanSources, stepInputs } from './plan-steps.ts'

/** A Helm release as plan `site` wants it; what earlier steps give, such as images, stays `<steps.…>`. */
export interface WantedRelease {
  readonly release: string
  readonly namespace: string
  readonly chart: string
  readonly values: Tree
}

/** What the plan gives the charts for this site, looked up nowhere. */
export function wantedReleases(sources: PlanSources): WantedRelease[] {
  return stepInputs('helm-release', sources).map((input) => {
    const { release, namespace, chart, values, over } = input as WantedRelease & { over?: Tree }
    return { release, namespace, chart, values: mergeTrees(values, over ?? {}) }
  })
}

/** The release of the provider's chart that watches the cluster; `undefined` where the site wants none, or a Rancher has it. */
export function monitoringRelease(sources: PlanSources): WantedRelease | undefined {
  const { site, project } = sources
  const { monitoring: values } = layoutOf(site)
  const chart = values === undefined ? undefined : loadProvider(providersFolder(project), kindOf(site)).monitoring
  return values === undefined || chart === undefined ? undefined : { ...chart, values }
}

/** The values without what only steps know. */
export function withoutSteps(values: Tree): Tree {
  const known = Object.entries(values).flatMap(([key, value]): [string, unknown][] => {
    if (isTree(value)) {
      const inside = withoutSteps(value)
      return Object.keys(inside).length === 0 && Object.keys(value).length > 0 ? [] : [[key, inside]]
    }
    if (Array.isArray(value)) return value.some(ofSteps) ? [] : [[key, value]]
    return ofSteps(value) ? [] : [[key, value]]
  })
  return Object.fromEntries(known)
}

function ofSteps(value: unknown): boolean {
  return typeof value === 'string' && value.includes('<steps.')
}

/** `omegaweb.replicas: 1 → 2` for every value that differs, those of the chart where nothing is said. */
export function valueChanges(before: Tree, after: Tree, chart: Tree): string[] {
  const from = leaves(mergeTrees(chart, before))
  const to = leaves(mergeTrees(chart, after))
  const names = [...new Set([...from.keys(), ...to.keys()])]
  return names
    .filter((name) => from.get(name) !== to.get(name))
    .map((name) => `${name}: ${from.get(name) ?? '-'} → ${to.get(name) ?? '-'}`)
}

function leaves(tree: Tree, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (isTree(value) && Object.keys(value).length > 0)
      for (const [name, leaf] of leaves(value, `${prefix}${key}.`)) found.set(name, leaf)
    else if (value !== undefined) found.set(`${prefix}${key}`, value === null ? 'none' : textOf(value))
  }
  return found
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
