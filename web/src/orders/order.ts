import type { Order, Plan } from '../api.ts'

/** The parameter that tells several of a plan apart, such as `label`. */
export function nameParameter({ instance }: Pick<Plan, 'instance'>): string | undefined {
  return /^\$\{params\.([\w-]+)\}$/.exec(instance ?? '')?.[1]
}

/** One per preview: who clicks twice orders once. Plain HTTP has no `randomUUID`. */
export function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

const words: Record<Order['phase'], string> = {
  install: 'add',
  update: 'update',
  remove: 'remove',
  suspend: 'suspend',
  resume: 'resume',
}

/** The same order in a terminal; secrets are left to be typed. */
export function commandLine({ plan, phase, account, params }: Order, parameters: Plan['parameters']): string {
  const properties = (parameters['properties'] ?? {}) as Readonly<Record<string, { secret?: boolean } | undefined>>
  const said = Object.entries(params)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const text = properties[name]?.secret === true ? '…' : textOf(value)
      return `--param ${quoted(`${name}=${text}`)}`
    })
  const whom = account === undefined ? [] : [`--account ${account}`]
  return ['cloudmgr', 'order', words[phase], plan, ...whom, ...said].join(' ')
}

function textOf(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(';')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function quoted(text: string): string {
  return /^[\w@%+=:,./…-]*$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
