import { AppError } from '../base/errors.ts'
import { parametersOf } from './parameters.ts'
import type { Values } from './plan.ts'

/**
 * The omega-ml client's parameter string: `key=value[,key=value…]`. Empty values are normal, commas in values can't be
 * expressed, the same key twice is a mistake. Every mistake is told at once.
 */
export function parseParamText(text: string): Record<string, string> {
  const params: Record<string, string> = {}
  const problems: { field: string; value: string; problem: string }[] = []
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue
    const [, name, value = ''] = /^([A-Za-z0-9_.-]{1,64})\s*=\s*(.*)$/s.exec(part) ?? []
    if (name === undefined) {
      const problem = "must be key=value; a value can't hold a comma"
      problems.push({ field: 'params', value: part.slice(0, 100), problem })
    } else if (Object.hasOwn(params, name)) {
      problems.push({ field: `params.${name}`, value: value.slice(0, 100), problem: 'is given twice' })
    } else Object.defineProperty(params, name, { value, enumerable: true })
  }
  if (problems.length === 0) return params
  const words = problems.map(({ field, value, problem }) => `${field} ${JSON.stringify(value)} ${problem}`)
  throw new AppError('invalid', 'parameters-malformed', words.join('; '), { details: { errors: problems } })
}

/** Texts as the plan's schema has them; what does not fit stays a text, so that the check names it. Empty is not given. */
export function typedParams(schema: Values, texts: Readonly<Record<string, string>>): Record<string, unknown> {
  const known = parametersOf(schema)
  const given = Object.entries(texts).filter(([, text]) => text !== '')
  return Object.fromEntries(given.map(([name, text]) => [name, typed(known[name], text)]))
}

function typed(schema: Values | undefined, text: string): unknown {
  switch (schema?.['type']) {
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text
    case 'number':
      return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : text
    case 'boolean':
      return booleans[text.toLowerCase()] ?? text
    case 'array': {
      const items = text.split(';').map((item) => item.trim())
      return items.filter((item) => item !== '').map((item) => typed(schema['items'] as Values | undefined, item))
    }
    default:
      return text
  }
}

const booleans: Readonly<Record<string, boolean>> = {
  yes: true,
  true: true,
  on: true,
  '1': true,
  no: false,
  false: false,
  off: false,
  '0': false,
}
