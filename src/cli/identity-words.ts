import { type Command, Option } from 'commander'
import { type GlobalOptions, parseNumber } from './io.ts'
import { type On, run } from './words.ts'

/** Words about people, groups, keys, and who did what. */
export function addIdentityWords(program: Command, account: Command, on: On): void {
  addPeopleWords(account, on)
  addShareWords(account, on)
  addGroupWords(program, on)
  addKeyWords(program, on)
  addSigningKeyWords(program, on)
  const limit = new Option('--limit <number>', 'how many').argParser(parseNumber('limit')).default(100)
  on(
    program
      .command('audit')
      .description('who changed what, newest first')
      .option('--actor <name>', 'what this account did')
      .option('--subject <name>', 'what was done to it')
      .option('--action <word>', 'such as account.create; account. for all of a kind')
      .option('--from <time>', 'such as 2026-11-24T08:00:00Z')
      .option('--to <time>', 'before this time')
      .addOption(limit),
    async () => run((await import('./people.ts')).audit),
  )
}

function addPeopleWords(account: Command, on: On): void {
  on(
    account
      .command('import')
      .argument('<file>', 'CSV with the columns name, email and, if wanted, role')
      .description('make an account of each line; may be repeated'),
    async ([file = '']) => {
      const { importAccounts } = await import('./import.ts')
      return run(async (options, io) => await importAccounts(file, options, io))
    },
  )
  const steps = [
    ['approve', 'open an account that waits for approval'],
    ['reject', 'refuse an account that waits for approval'],
    ['deactivate', 'end every way into an account; its data stays'],
    ['activate', 'let a deactivated account in again'],
  ] as const
  for (const [step, about] of steps) {
    on(account.command(step).argument('<name>').description(about), async ([name = '']) => {
      const { changeAccount } = await import('./people.ts')
      return run(async (options, io) => await changeAccount(step, name, options, io))
    })
  }
}

/** Words for orders of plan `share`. */
function addShareWords(account: Command, on: On): void {
  const other = (command: Command) =>
    command
      .argument('<name>')
      .requiredOption('--with <account>', 'or g-<group>')
      .option('--no-wait', "don't wait for its end")
  on(
    other(account.command('share'))
      .description('let another account use the store of this one')
      .option('--read-only', 'only look at it'),
    async ([name = '']) =>
      run(async (options: ShareOptions, io) => {
        const { order } = await import('./orders.ts')
        const access = options.readOnly === true ? 'read' : 'write'
        const param = [`with=${options.with}`, `access=${access}`]
        return await order('install', 'share', { ...options, account: name, param }, io)
      }),
  )
  on(
    other(account.command('unshare')).description('take it back: what the other account had for it ends'),
    async ([name = '']) =>
      run(async (options: ShareOptions, io) => {
        const { order } = await import('./orders.ts')
        return await order(
          'remove',
          'share',
          { ...options, account: name, param: [`with=${options.with}`], yes: true },
          io,
        )
      }),
  )
}

interface ShareOptions extends GlobalOptions {
  readonly with: string
  readonly readOnly?: boolean | undefined
}

function addGroupWords(program: Command, on: On): void {
  const group = program.command('group').description('accounts that share a service')
  const load = async () => await import('./groups.ts')
  on(group.command('list').description('all groups'), async () => run((await load()).listGroups))
  on(group.command('show').argument('<name>').description('one group and who is in it'), async ([name = '']) => {
    const { showGroup } = await load()
    return run(async (options, io) => await showGroup(name, options, io))
  })
  on(
    group
      .command('create')
      .argument('<name>', 'lower-case letters and digits, 3 to 30')
      .description('make a group and order its service')
      .option('--owner <account>', 'who says who is in it'),
    async ([name = '']) => {
      const { createGroup } = await load()
      return run(async (options, io) => await createGroup(name, options, io))
    },
  )
  on(
    group
      .command('add')
      .argument('<group>')
      .argument('<account>')
      .description('take an account into a group')
      .option('--owner', 'as an owner'),
    async ([name = '', account = '']) => {
      const { addMember } = await load()
      return run(async (options, io) => await addMember(name, account, options, io))
    },
  )
  on(
    group
      .command('drop')
      .argument('<group>')
      .argument('<account>')
      .description('take an account out of a group, which gets new passwords'),
    async ([name = '', account = '']) => {
      const { dropMember } = await load()
      return run(async (options, io) => await dropMember(name, account, options, io))
    },
  )
  on(
    group
      .command('remove')
      .argument('<name>')
      .description('remove the group with all its data')
      .option('--yes', "don't ask for its name"),
    async ([name = '']) => {
      const { removeGroup } = await load()
      return run(async (options, io) => await removeGroup(name, options, io))
    },
  )
}

function addKeyWords(program: Command, on: On): void {
  const key = program.command('key').description('API keys')
  const load = async () => await import('./people.ts')
  on(key.command('list').argument('<account>').description('the keys of an account'), async ([account = '']) => {
    const { listKeys } = await load()
    return run(async (options, io) => await listKeys(account, options, io))
  })
  on(
    key
      .command('create')
      .argument('<name>')
      .description('another key of your own, told once')
      .option('--expires <time>', 'when it ends, such as 2026-12-31T00:00:00Z'),
    async ([name = '']) => {
      const { createKey } = await load()
      return run(async (options, io) => await createKey(name, options, io))
    },
  )
  on(
    key.command('revoke').argument('<account>').argument('<id>').description('end a key'),
    async ([account = '', id = '']) => {
      const { revokeKey } = await load()
      const number = parseNumber('id')(id)
      return run(async (options, io) => await revokeKey(account, number, options, io))
    },
  )
}

function addSigningKeyWords(program: Command, on: On): void {
  const key = program.command('signing-key').description('keys that sign tokens and sign-ins of other programs')
  const load = async () => await import('./signing-keys.ts')
  on(key.command('list').description('the one that signs, and those that verify'), async () =>
    run((await load()).listSigningKeys),
  )
  on(
    key
      .command('rotate')
      .description('sign with a new key; older ones verify until what they signed has ended')
      .option('--end-old', 'what older keys signed is void at once: after one became known'),
    async () => run((await load()).rotateSigningKeys),
  )
}
