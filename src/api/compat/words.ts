import { AppError } from '../../base/errors.ts'

const units: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** `5m`, `30s`, `1h`, or a number of seconds. The client's word for nothing is `None`. */
export function secondsOf(field: string, text: string | undefined, otherwise: number): number {
  if (isNothing(text)) return otherwise
  const [, number = '', unit = ''] = /^(\d{1,9}(?:\.\d+)?)([smhdw]?)$/.exec(text.trim()) ?? []
  const seconds = Number(number) * (units[unit] ?? 1)
  if (number !== '' && seconds >= 1) return seconds
  throw wrong(field, text, 'seconds, or a number with s, m, h or d, such as 5m')
}

/** Milliseconds since 1970 of what the client sends: ISO with a space or a T, seconds since 1970; UTC where no offset is said. */
export function timeOf(field: string, text: string | undefined): number | undefined {
  if (isNothing(text)) return undefined
  const written = text.trim()
  if (/^\d{1,12}(\.\d+)?$/.test(written)) return Number(written) * 1000
  const [, day, time, fraction = '', zone] =
    // A + that was not encoded arrives as a space.
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?)?\s*(Z|[+-]?\d\d:?\d\d)?$/i.exec(written) ?? []
  const offset =
    zone === undefined ? 'Z' : zone.replace(/^(\d\d):?(\d\d)$/, '+$1:$2').replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T${time ?? '00:00'}${fraction.slice(0, 4)}${offset}`)
  if (!Number.isNaN(at)) return at
  throw wrong(field, text, 'a time such as 2026-11-23 00:57:32+00:00')
}

/** A repeated parameter counts by its first value. */
export function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function isNothing(text: string | undefined): text is undefined | '' {
  return text === undefined || text === '' || text === 'None'
}

export function wrong(field: string, value: string, right: string): AppError {
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value
  return new AppError(
    'invalid',
    'query-invalid',
    `${field} ${JSON.stringify(shown)} can't be used: right is ${right}`,
    {
      details: { field, value: shown, right },
    },
  )
}
