import { type Change, levels, type SitePreview } from '../site/preview/site-preview.ts'
import type { Style } from './style.ts'
import { table } from './table.ts'

const marks: Readonly<Record<Change['kind'], string>> = { create: '+', change: '~', replace: '±', remove: '-' }
const words: Readonly<Record<Change['kind'], string>> = {
  create: 'to make',
  change: 'to change',
  replace: 'to make anew',
  remove: 'to remove',
}
const mostDetails = 12

/** A preview for people: what changes by level, machines and volumes as tables, what to think about. */
export function previewText(preview: SitePreview, style: Style): string[] {
  const { site, provider, file, changes, warnings, notes } = preview
  return [
    `Site ${site} (provider ${provider})${file === null ? '' : `, as ${file} says`}`,
    ...levels.flatMap((level) => levelText(level, changes, style)),
    '',
    ...machinesText(preview, style),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map((line) => `${style.red('warning:')} ${line}`)]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((line) => `note: ${line}`)]),
    '',
    countsText(changes),
  ]
}

export function countsText(changes: readonly Change[]): string {
  const count = (kind: Change['kind']) => changes.filter((one) => one.kind === kind).length
  const parts = (['create', 'change', 'replace', 'remove'] as const).flatMap((kind) =>
    count(kind) === 0 ? [] : [`${count(kind)} ${words[kind]}`],
  )
  return parts.length === 0 ? 'nothing to do' : parts.join(', ')
}

function levelText(level: string, changes: readonly Change[], style: Style): string[] {
  const own = changes.filter((change) => change.level === level)
  if (own.length === 0) return []
  return ['', style.bold(level), ...own.flatMap((change) => changeText(change, style))]
}

function changeText({ kind, what, details, data }: Change, style: Style): string[] {
  const [first] = details
  const isShort = details.length === 1 && first !== undefined
  const colour = kind === 'create' ? style.green : kind === 'change' ? (text: string) => text : style.red
  const rest = details.length - mostDetails
  return [
    `  ${colour(`${marks[kind]} ${what}`)}${isShort ? `  ${style.grey(first)}` : ''}`,
    ...(isShort ? [] : details.slice(0, mostDetails).map((line) => `      ${line}`)),
    ...(rest > 0 ? [`      and ${rest} more`] : []),
    ...(data === undefined ? [] : [`      data: ${data}`]),
  ]
}

function machinesText({ machines, volumes, currency }: SitePreview, style: Style): string[] {
  const none = '-'
  const amount = (value: number | null) => (value === null ? none : `${value}`)
  const priced = currency !== null
  const price = (row: { perHour: number | null; perMonth: number | null }) =>
    priced ? [amount(row.perHour), amount(row.perMonth)] : []
  const heads = priced ? [`${currency}/hour`, `${currency}/month`] : []
  const pools = machines.map((row) => [
    row.pool,
    row.role,
    `${row.machines}`,
    row.type,
    amount(row.cores),
    row.memoryGb === null ? none : `${row.memoryGb} GB`,
    ...(machines.some(({ diskGb }) => diskGb !== null) ? [row.diskGb === null ? none : `${row.diskGb} GB`] : []),
    ...price(row),
  ])
  const disk = machines.some(({ diskGb }) => diskGb !== null) ? ['disk'] : []
  const disks = volumes.map((row) => [row.volume, `${row.sizeGb} GB`, ...price(row)])
  return [
    ...(pools.length === 0
      ? []
      : [
          style.bold('machines'),
          ...indented([['pool', 'role', 'machines', 'type', 'cores', 'memory', ...disk, ...heads], ...pools]),
        ]),
    ...(disks.length === 0 ? [] : ['', style.bold('volumes'), ...indented([['volume', 'size', ...heads], ...disks])]),
    ...(priced ? ['', totalText([...machines, ...volumes], currency)] : []),
  ]
}

function indented(rows: readonly (readonly string[])[]): string[] {
  return table(rows).map((line) => `  ${line}`)
}

function totalText(rows: readonly { perHour: number | null; perMonth: number | null }[], currency: string): string {
  const total = (what: 'perHour' | 'perMonth') => rows.reduce((sum, row) => sum + (row[what] ?? 0), 0)
  const unknown = rows.filter(({ perMonth }) => perMonth === null).length
  const rest = unknown === 0 ? '' : `; ${unknown} without a price are not in it`
  return `together ${total('perHour').toFixed(4)} ${currency} per hour, ${total('perMonth').toFixed(2)} ${currency} per month${rest}`
}
