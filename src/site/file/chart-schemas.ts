import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ErrorObject } from 'ajv'
import { mergeTrees, treeAt } from '../../base/merge.ts'
import { didYouMean, nearest } from '../../base/nearest.ts'
import { chartNames, type ChartName, type ChartValues } from './chart-values.ts'
import type { Problem } from './problems.ts'
import type { SiteFile } from './schema.ts'
import { wantedValues } from './wanted-values.ts'

/** Chart values of the file that the charts refuse, as Helm would say only at the end. */
export type ValueCheck = (file: SiteFile) => Problem[]

export function createValueCheck(charts: string, defaults: ChartValues): ValueCheck {
  return (file) => {
    const wanted = wantedValues(file)
    return chartNames.flatMap((chart) => {
      if (Object.keys(wanted[chart]).length === 0) return []
      const schema = JSON.parse(readFileSync(join(charts, chart, 'values.schema.json'), 'utf8')) as object
      const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(withoutMeta(schema))
      if (validate(mergeTrees(defaults[chart], wanted[chart]))) return []
      return (validate.errors ?? []).flatMap((error) => problemOf(error, chart, file, defaults[chart]))
    })
  }
}

/** Drafts that Ajv has no meta schema for are close enough to the one that it knows. */
function withoutMeta(schema: object): object {
  const { $schema: _draft, ...rest } = schema as { $schema?: string }
  return rest
}

function problemOf(error: ErrorObject, chart: ChartName, file: SiteFile, defaults: unknown): Problem[] {
  // The branches of an `oneOf` are told one by one.
  if (['oneOf', 'anyOf', 'if'].includes(error.keyword)) return []
  const steps = error.instancePath.split('/').filter((part) => part !== '')
  const extra = (error.params as { additionalProperty?: string }).additionalProperty
  const at = extra === undefined ? steps : [...steps, extra]
  const path = fileField(at, chart, file)
  if (extra === undefined) return [{ path, problem: `chart ${chart} refuses it: ${error.message ?? error.keyword}` }]
  const known = Object.keys((steps.length === 0 ? defaults : treeAt(defaults as never, steps.join('.'))) ?? {})
  return [{ path, problem: `chart ${chart} knows no such value${didYouMean(nearest(extra, known))}` }]
}

/** Where in the site file a value of a chart is said. */
function fileField(at: readonly string[], chart: ChartName, { components }: SiteFile): PropertyKey[] {
  const [section = '', ...rest] = at
  const own = (components as Readonly<Record<string, { values?: unknown } | undefined>>)[section]
  if (chart === 'omegaml-system' && own?.values !== undefined) return ['components', section, 'values', ...rest]
  return ['components', chart.replace('omegaml-', ''), 'values', ...at]
}
