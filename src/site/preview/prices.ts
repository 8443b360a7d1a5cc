import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import type { SiteFile } from '../file/schema.ts'
import { sizeOf } from '../file/site-pools.ts'
import type { Provider } from '../../clusters/provider.ts'
import type { MachineRow, VolumeRow } from './site-preview.ts'

const price = z
  .strictObject({ hour: z.number().min(0).optional(), month: z.number().min(0).optional() })
  .refine(({ hour, month }) => hour !== undefined || month !== undefined, 'right is hour, month or both')

const priceList = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'right is three capital letters, such as EUR'),
  machines: z.record(z.string(), price).default({}),
  volumes: price.optional(),
})

export type PriceList = z.infer<typeof priceList>

const hoursOfMonth = 730

export function readPrices(path: string): PriceList {
  if (!existsSync(path)) {
    throw new AppError('not-found', 'prices-missing', `there is no price list ${path}`, {
      details: { field: 'prices', value: path },
    })
  }
  const result = priceList.safeParse(parse(readFileSync(path, 'utf8')))
  if (result.success) return result.data
  const errors = result.error.issues.map(({ path: field, message }) => `${field.join('.') || 'file'}: ${message}`)
  throw new AppError('invalid', 'prices-invalid', `reading the price list ${path}: ${errors.join('; ')}`, {
    details: { errors },
  })
}

/** A line for each pool, and for the machine of a new Rancher. A type without a price has none; it is not taken for free. */
export function machineRows(
  { pools, rancher }: SiteFile,
  provider: Provider | undefined,
  prices: PriceList | undefined,
): MachineRow[] {
  const rows = pools.map((pool): MachineRow => {
    const size = sizeOf(pool, provider)
    const type = pool.type ?? `${pool.cores}x${pool.memoryGb}`
    // What only says that it runs costs nothing anywhere.
    const found = pool.simulated === true ? undefined : prices?.machines[type]
    return {
      pool: pool.name,
      role: pool.role,
      machines: pool.size,
      type: pool.simulated === true ? `${type} simulated` : type,
      cores: size?.cores ?? null,
      memoryGb: size?.memoryGb ?? null,
      diskGb: pool.diskGb ?? null,
      ...amounts(found, pool.size),
    }
  })
  // In a cluster that is there its machines are somebody's.
  if (rancher.kind !== 'create' || rancher.type === undefined) return rows
  const { type } = rancher
  const size = { cores: null, memoryGb: null, diskGb: null, ...amounts(prices?.machines[type], 1) }
  return [...rows, { pool: 'rancher', role: 'rancher', machines: 1, type, ...size }]
}

export function volumeRows(volumes: Readonly<Record<string, number>>, prices: PriceList | undefined): VolumeRow[] {
  return Object.entries(volumes).map(([volume, sizeGb]) => ({ volume, sizeGb, ...amounts(prices?.volumes, sizeGb) }))
}

function amounts(found: z.infer<typeof price> | undefined, count: number) {
  if (found === undefined) return { perHour: null, perMonth: null }
  const hour = found.hour ?? (found.month ?? 0) / hoursOfMonth
  const month = found.month ?? (found.hour ?? 0) * hoursOfMonth
  return { perHour: round(hour * count, 4), perMonth: round(month * count, 2) }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
