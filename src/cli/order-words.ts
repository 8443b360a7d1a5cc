import { type Command, Option } from 'commander'
import type { Phase } from '../catalog/plan.ts'
import type { ExitCode } from './exit.ts'
import { type GlobalOptions, type Io, parseNumber } from './io.ts'
import type { OrderOptions } from './orders.ts'
import { type On, run } from './words.ts'

/** Words for orders: of any service, of the two that are ordered most, and what became of them. */
export function addOrderWords(program: Command, on: On): void {
  addPlainOrders(program, on)
  for (const kind of kinds) addShortOrders(program, on, kind)
  addCommandWords(program, on)
  addBooksWords(program, on)
}

const collect = (value: string, before: string[] = []) => [...before, value]

function withOrderOptions(command: Command): Command {
  return command
    .option('--account <name>', 'whom it is for (default: the caller)')
    .option('--specs <text>', 'parameters: key=value,key=value')
    .option('--param <key=value>', 'one parameter, also with commas; may be repeated', collect)
    .option('--preview', 'say what would change, and do nothing')
    .option('--key <text>', 'the same key again is the same order')
    .option('--yes', "don't ask before a removal")
    .option('--no-wait', "don't follow it to its end")
}

function addPlainOrders(program: Command, on: On): void {
  const orders = program.command('order').description('order, change and remove services of accounts')
  const words: readonly [string, Phase, string][] = [
    ['add', 'install', 'order a service'],
    ['update', 'update', 'change a service; what is not said stays as it is'],
    ['remove', 'remove', 'remove a service with its data'],
    ['suspend', 'suspend', 'stop a service; nothing of it is lost'],
    ['resume', 'resume', 'start a suspended service again'],
  ]
  for (const [word, phase, about] of words) {
    const command = orders
      .command(word)
      .argument('<plan>', 'see `service list`')
      .argument('[key=value...]', 'parameters, see `service show <plan>`')
      .description(about)
    on(withOrderOptions(command), async ([plan = '', ...params]) => {
      const { order } = await import('./orders.ts')
      return run(async (options: OrderOptions, io) => {
        const param = [...(options.param ?? []), ...params]
        return await order(phase, plan, { ...options, param }, io)
      })
    })
  }
}

interface Kind {
  readonly word: string
  readonly plan: string
  readonly about: string
  /** The parameter that tells several apart. */
  readonly name: string
}

const kinds: readonly Kind[] = [
  { word: 'nodepool', plan: 'nodepool', name: 'name', about: 'node pools that accounts ordered' },
  { word: 'cluster', plan: 'cluster', name: 'name', about: 'clusters beside the site’s own' },
  { word: 'worker', plan: 'runtime', name: 'label', about: 'runtime workers of an account’s own' },
]

function addShortOrders(program: Command, on: On, { word, plan, about, name }: Kind): void {
  const words = program.command(word).description(`${about}; short for orders of plan ${plan}`)
  on(words.command('list').description('what there is').option('--account <name>', 'of one account'), async () => {
    if (plan === 'cluster') return run((await import('./clusters.ts')).listClusters)
    const { listDeployments } = await import('./deployments.ts')
    return run(async (options, io) => await listDeployments(plan, options, io))
  })
  const sized = (command: Command, field: string) =>
    withOrderOptions(command).addOption(new Option(`--${field} <number>`, 'how many').argParser(parseNumber(field)))
  on(
    sized(words.command('add').argument(`<${name}>`).description('order'), 'size').option(
      '--role <name>',
      'of the nodes',
    ),
    async ([value = '']) => {
      const { orderNamed } = await import('./deployments.ts')
      return run(async (options, io) => await orderNamed('install', plan, { [name]: value }, options, io))
    },
  )
  on(
    withOrderOptions(words.command('scale').argument(`<${name}>`).argument('<size>')).description(
      'other size, in place',
    ),
    async ([value = '', size = '']) => {
      const { orderNamed } = await import('./deployments.ts')
      const wanted = { [name]: value, size: String(parseNumber('size')(size)) }
      return run(async (options, io) => await orderNamed('update', plan, wanted, options, io))
    },
  )
  on(
    withOrderOptions(words.command('remove').argument(`<${name}>`).description('remove with what it holds')),
    async ([value = '']) => {
      const { orderNamed } = await import('./deployments.ts')
      return run(async (options, io) => await orderNamed('remove', plan, { [name]: value }, options, io))
    },
  )
}

function addCommandWords(program: Command, on: On): void {
  const command = program.command('command').description("the service's commands: orders of accounts")
  const load = async () => await import('./command.ts')
  on(
    command
      .command('list')
      .description('the newest orders')
      .option('--account <name>', 'of one account')
      .option('--plan <plan>', 'of one plan')
      .addOption(new Option('--only <state>', 'in this state').choices(['waiting', 'running', 'done', 'failed']))
      .addOption(new Option('--limit <number>', 'how many').argParser(parseNumber('limit')).default(30)),
    async () => run((await load()).listOrders),
  )
  const withId = (
    name: string,
    about: string,
    use: (id: number, options: GlobalOptions, io: Io) => Promise<ExitCode>,
  ) =>
    on(command.command(name).argument('<id>').description(about), async ([text = '']) => {
      const id = parseNumber('id')(text)
      return run(async (options, io) => await use(id, options, io))
    })
  withId('show', 'one order with its steps and their output', async (...all) => await (await load()).showOrder(...all))
  withId('follow', 'an order live, to its end', async (...all) => await (await load()).followCommand(...all))
  withId('cancel', 'end an order; what was done stays done', async (...all) => {
    return await (await load()).changeOrder('cancel', ...all)
  })
  withId('retry', 'continue a failed order', async (...all) => await (await load()).changeOrder('retry', ...all))
  withId(
    'undo',
    'take back what a failed install did',
    async (...all) => await (await load()).changeOrder('undo', ...all),
  )
}

function addBooksWords(program: Command, on: On): void {
  const words = [
    ['orphans', 'what lies outside and belongs to nobody any more', 'remove what is surely ours'],
    ['drift', 'services that are not as they were delivered', 'deliver them again'],
  ] as const
  for (const [word, about, mend] of words) {
    const command = program.command(word).description(about).option('--mend', mend)
    if (word === 'orphans')
      command.option('--data', 'with --mend: volumes too that may hold the only copy of something')
    on(command.option('--yes', "don't ask before that"), async () => {
      const { showDifferences } = await import('./books.ts')
      return run(async (options, io) => await showDifferences(word, options, io))
    })
  }
}
