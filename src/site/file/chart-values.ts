import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Tree } from '../../base/merge.ts'

export const chartNames = ['omegaml-storage', 'omegaml-system', 'omegaml-ingress', 'omegaml-worker'] as const
export type ChartName = (typeof chartNames)[number]

/** Values by chart. */
export type ChartValues = Readonly<Record<ChartName, Tree>>

/** What the charts have when nothing is given. */
export function readChartDefaults(charts: string): ChartValues {
  return byChart((chart) => parse(readFileSync(join(charts, chart, 'values.yaml'), 'utf8')) as Tree)
}

export function byChart(make: (chart: ChartName) => Tree): ChartValues {
  return {
    'omegaml-storage': make('omegaml-storage'),
    'omegaml-system': make('omegaml-system'),
    'omegaml-ingress': make('omegaml-ingress'),
    'omegaml-worker': make('omegaml-worker'),
  }
}
