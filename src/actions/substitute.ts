import { AppError } from '../base/errors.ts'

const PLACEHOLDER = /\$\{([A-Za-z0-9_.-]+)\}/g

/**
 * Puts values for `${a.b}` into every string of a structure. A string that is one placeholder takes the value with its
 * type. Values are never read again for placeholders. Unknown ones are errors that name where they stand.
 */
export function substitute(structure: unknown, values: Readonly<Record<string, unknown>>, where: string): unknown {
  if (typeof structure === 'string') return inText(structure, values, where)
  if (Array.isArray(structure)) return structure.map((item, index) => substitute(item, values, `${where}[${index}]`))
  if (typeof structure !== 'object' || structure === null) return structure
  return Object.fromEntries(
    Object.entries(structure).map(([key, value]) => [
      String(inText(key, values, where)),
      substitute(value, values, `${where}.${key}`),
    ]),
  )
}

function inText(text: string, values: Readonly<Record<string, unknown>>, where: string): unknown {
  const whole = /^\$\{([A-Za-z0-9_.-]+)\}$/.exec(text)
  if (whole?.[1] !== undefined) return valueOf(whole[1], values, where)
  return text.replace(PLACEHOLDER, (_match, path: string) => {
    const value = valueOf(path, values, where)
    if (['string', 'number', 'boolean'].includes(typeof value)) return String(value)
    throw new AppError('invalid', 'placeholder-invalid', `${where}: \${${path}} is no text and stands inside of one`)
  })
}

function valueOf(path: string, values: Readonly<Record<string, unknown>>, where: string): unknown {
  let current: unknown = values
  for (const name of path.split('.')) {
    const isThere = typeof current === 'object' && current !== null && Object.hasOwn(current, name)
    if (!isThere) throw new AppError('invalid', 'placeholder-unknown', `${where}: nothing is known by \${${path}}`)
    current = (current as Record<string, unknown>)[name]
  }
  return current
}
