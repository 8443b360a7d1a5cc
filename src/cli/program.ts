import { Argument, Command, CommanderError, Option } from 'commander'
import { AppError } from '../base/errors.ts'
import { providerKinds } from '../site/file/providers.ts'
import { type ProfileName, profileNames, signUpRuntimes } from '../site/site.ts'
import { completionScript, type Shell, shells } from './completion.ts'
import { errorText, type ExitCode, exitCodeHelp, exitCodeOf, exitCodes } from './exit.ts'
import { siteOfFolder } from './folder-site.ts'
import { addIdentityWords } from './identity-words.ts'
import { type GlobalOptions, type Io, parseNumber } from './io.ts'
import { addLoginWords } from './login-words.ts'
import { addOrderWords } from './order-words.ts'
import { addStateWords } from './state-words.ts'
import { type On, type Run, run } from './words.ts'
import { type NamedKind, namedKinds, typedWords } from './words-tree.ts'

/** Runs one line of words; answers with the exit code. Never throws. */
export async function runCli(words: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok
  const program = createProgram(io, async (run, options) => {
    code = await run(options, io)
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return code
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (io.interrupted.aborted) return exitCodes.interrupted
    io.err.write(`${errorText(cause, words.includes('--json'))}\n`)
    if (!(cause instanceof AppError) && process.env['CLOUDMGR_DEBUG'] !== undefined)
      io.err.write(`${(cause as Error).stack}\n`)
    return exitCodeOf(cause)
  }
}

type Start = (run: Run, options: GlobalOptions & Record<string, unknown>) => Promise<void>

/** The words, options and help texts. What they do lies in a file each, loaded when needed. */
export function createProgram(io: Io, start: Start): Command {
  const program = new Command('cloudmgr')
    .description('A whole omega|ml cloud on this machine, and its accounts. Begin with ./cloudmgr up')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.out.write(text),
      writeErr: (text) => void io.err.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'cloudmgr: ')),
    })
    .showSuggestionAfterError(true)
    .showHelpAfterError('./cloudmgr --help lists the words')
    .addHelpText('after', `\n${exitCodeHelp}\n\nMore: docs/cli.md`)
  const on = (command: Command, load: (words: readonly string[]) => Promise<Run>) =>
    withUsage(withGlobals(command)).action(async (...args: unknown[]) => {
      const self = args.at(-1) as Command
      const sources = { site: self.getOptionValueSource('site'), url: self.getOptionValueSource('url') }
      const options = self.opts<GlobalOptions>()
      const site = sources.site === 'default' ? (siteOfFolder(io.folder) ?? options.site) : options.site
      await start(await load(self.args), { ...options, site, sources })
    })
  const onService: On = (command, load) => on(withService(command), load)

  addSiteWords(program, on, onService)
  addLoginWords(program, on, onService)
  addAccountWords(program, onService)
  addCommandWords(program, on)
  addServiceWords(program, onService)
  addOrderWords(program, onService)
  addStateWords(program, onService)
  addCompletion(program, start)
  addNames(program, onService)
  return program
}

function addCompletion(program: Command, start: Start): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'whose script').choices(shells))
    .description('print a script that completes these words in your shell')
    .action(async (shell: Shell) => {
      const print = async (_options: unknown, io: Io) => {
        io.out.write(completionScript(shell, typedWords(program)))
        return exitCodes.ok
      }
      await start(print, { site: '' })
    })
}

/** What the scripts of `completion` ask while somebody types. */
function addNames(program: Command, on: On): void {
  const names = program.command('names', { hidden: true })
  on(names.addArgument(new Argument('<kind>', 'of what').choices(namedKinds)), async ([kind]) => {
    const { printNames } = await import('./names.ts')
    return async (options, io) => await printNames(kind as NamedKind, options, io)
  })
}

/** Whoever left something out, or typed too much, sees the whole line as it would be right. */
function withUsage(command: Command): Command {
  const path: string[] = []
  for (let one: Command | null = command; one !== null; one = one.parent) path.unshift(one.name())
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  const needed = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags)
  const usage = ['./cloudmgr', ...path.slice(1), ...words, ...needed, '[options]'].join(' ')
  return command.showHelpAfterError(`usage: ${usage}; more with --help`)
}

function withGlobals(command: Command): Command {
  return command
    .addOption(new Option('--site <name>', 'which site').env('CLOUDMGR_SITE').default('omega'))
    .option('--state <folder>', "the site's state folder (default: ~/.local/share/cloudmgr/<site>)")
    .option('--json', 'print one JSON object instead of text')
}

/** Words that speak to a service, of this machine or elsewhere. */
function withService(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'a service elsewhere (default: where you signed in last)').env('CLOUDMGR_URL'))
    .addOption(new Option('--userid <name>', 'who speaks there').env('CLOUDMGR_USERID'))
    .addOption(new Option('--ca <file>', 'certificates of its authority').env('CLOUDMGR_CA'))
}

const fileOption = () =>
  new Option('--file <file>', 'the site file (default: site.yml of this folder, where there is one)')

/** What speaks of the site file. */
function addFileWords(program: Command, on: On): void {
  on(
    program
      .command('init')
      .description('write a site file, site.yml, after a few questions')
      .option('--profile <name>', 'machines to start from: single-node, minimal, production or one of catalog/profiles')
      .option('--name <name>', 'name of the site')
      .option('--domain <name>', 'domain of its host names')
      .addOption(
        new Option('--provider <kind>', 'where the machines come from (default: local)').choices(providerKinds),
      )
      .option('--output <file>', 'where to write it (default: site.yml)')
      .option('--yes', "don't ask: take what is usual, write over what exists"),
    async () => run((await import('./init.ts')).init),
  )
  on(
    program
      .command('plan')
      .description('show what up would make, change and remove, with machines, volumes and prices')
      .addOption(fileOption())
      .option('--prices <file>', 'a price list (default: the one that the site file names)')
      .option('--out <file>', 'keep it, for up --plan')
      .option('--moved', 'the site file lies elsewhere now'),
    async () => run((await import('./plan.ts')).plan),
  )
  on(
    program
      .command('render')
      .description('write Terraform roots and chart values of the site file, to run them by hand or in GitOps')
      .addOption(fileOption())
      .requiredOption('--output <folder>', 'where to write them')
      .option('--yes', 'also into a folder that holds other things'),
    async () => run((await import('./render.ts')).render),
  )
}

function addSiteWords(program: Command, on: On, onService: On): void {
  addFileWords(program, on)
  const port = (name: string, about: string) => new Option(`--${name} <number>`, about).argParser(parseNumber(name))
  on(
    program
      .command('up')
      .description('make the site, or make sure that it is up; may be interrupted and repeated')
      .addOption(
        new Option('--profile <name>', 'machines of the site').choices([...profileNames] satisfies ProfileName[]),
      )
      .option('--domain <name>', 'domain of its host names (default: <site>.localhost)')
      .option('--listen <address>', 'an address of this machine where others reach the site (default: none do)')
      .addOption(
        new Option(
          '--open-signup [runtimes]',
          'let everybody sign up; their tasks run on workers of their own, or on the shared ones',
        ).choices(signUpRuntimes),
      )
      .option('--no-open-signup', 'accounts are made by admins only')
      .option('--simulated', 'without root: real control plane and service, everything else only says that it is there')
      .option('--package-index <url>', "where accounts' Python packages come from, in notebooks and workers")
      .option('--no-package-index', "from pip's own index")
      .addOption(port('port-base', 'first of four ports in a row: http, https, mongo, broker'))
      .addOption(port('http-port', 'port of portal, API and notebooks (default: 8080)'))
      .addOption(port('https-port', 'the same with TLS (default: 8443)'))
      .addOption(port('mongo-port', 'port of the database (default: 27018)'))
      .addOption(port('broker-port', 'port of the broker (default: 5671)'))
      .addOption(fileOption())
      .option('--no-file', 'without a site file, also where site.yml lies in this folder')
      .option('--plan <file>', 'do exactly what plan --out kept there; ask if something else is needed')
      .option('--moved', 'the site file lies elsewhere now')
      .option('--yes', "don't ask before something that exists is touched"),
    async () => run((await import('./up.ts')).up),
  )
  on(
    program
      .command('down')
      .description('stop the site; volumes, keys and state are kept')
      .option('--purge', 'remove these too, and verify that nothing is left')
      .option('--yes', "don't ask for the site's name"),
    async () => run((await import('./down.ts')).down),
  )
  onService(
    program
      .command('status')
      .description('machines, components, addresses, running steps; elsewhere: what runs for an account')
      .option('--account <name>', 'what runs for this account')
      .option('--qualifier <name>', 'what runs for this group of it'),
    async () => run((await import('./status.ts')).status),
  )
  on(program.command('doctor').description('what is missing, and how to mend it'), async () =>
    run((await import('./doctor.ts')).doctor),
  )
  onService(
    program
      .command('logs')
      .argument('[name]', 'a step of the last command, or a component such as omegaweb; elsewhere: a pod')
      .description('output of steps, logs of components; elsewhere: what the pods of an account say')
      .option('--account <name>', 'of this account')
      .option('--qualifier <name>', 'of this group of it')
      .addOption(new Option('--lines <number>', 'how many lines of each').argParser(parseNumber('lines')).default(200)),
    async ([name]) => {
      const { logs } = await import('./logs.ts')
      return run(async (options, io) => await logs(name, options, io))
    },
  )
  on(program.command('kubeconfig').description("print the path of the cluster's kubeconfig"), async () =>
    run((await import('./paths.ts')).kubeconfig),
  )
  on(program.command('ca').description("print the site's certificate authority"), async () =>
    run((await import('./paths.ts')).ca),
  )
}

function addAccountWords(program: Command, on: On): void {
  const account = program.command('account').description('people and machines that use the site')
  const load = async () => await import('./account.ts')
  on(
    account
      .command('create')
      .argument('<name>', 'lower-case letters and digits, 3 to 30')
      .description('make an account and wait until it can be used')
      .requiredOption('--email <address>', 'its mail address')
      .option('--password <password>', 'its password (default: a random one)')
      .option('--admin', 'an administrator, without services of its own')
      .option('--no-wait', "don't wait until it is ready"),
    async ([name = '']) => {
      const { createAccount } = await load()
      return run(async (options, io) => await createAccount(name, options, io))
    },
  )
  on(account.command('list').description('all accounts'), async () => run((await load()).listAccounts))
  on(account.command('show').argument('[name]').description('one account (default: your own)'), async ([name]) => {
    const { showAccount } = await load()
    return run(async (options, io) => await showAccount(name, options, io))
  })
  on(
    account.command('rotate').argument('<name>').description('new credentials; the old ones stop working'),
    async ([name = '']) => {
      const { rotateAccount } = await load()
      return run(async (options, io) => await rotateAccount(name, options, io))
    },
  )
  on(
    account
      .command('remove')
      .argument('<name>')
      .description('remove the account with all its data')
      .option('--yes', "don't ask for its name")
      .option('--no-wait', "don't wait until it is gone"),
    async ([name = '']) => {
      const { removeAccount } = await load()
      return run(async (options, io) => await removeAccount(name, options, io))
    },
  )
  addIdentityWords(program, account, on)
}

function addCommandWords(program: Command, on: On): void {
  const commands = program
    .command('commands')
    .description("what up and down did and do; with --service: the service's orders")
  const load = async () => await import('./commands.ts')
  const add = (name: string, about: string) =>
    commands.command(name).description(about).option('--service', "the service's commands")
  on(add('list', 'the newest commands'), async () => run((await load()).listCommands))
  const withId = (name: 'showCommand' | 'retryCommand' | 'undoCommand') => async (words: readonly string[]) => {
    const use = (await load())[name]
    const id = parseNumber('id')(words[0] ?? '')
    return run(async (options, io) => await use(id, options, io))
  }
  on(add('show', 'one command with its steps').argument('<id>'), withId('showCommand'))
  on(add('retry', 'try a failed command again').argument('<id>'), withId('retryCommand'))
  on(add('undo', 'take back what a failed command did').argument('<id>'), withId('undoCommand'))
}

function addServiceWords(program: Command, on: On): void {
  const service = program.command('service').description('what accounts can order')
  const load = async () => await import('./services.ts')
  on(service.command('list').description('all plans'), async () => run((await load()).listServices))
  on(service.command('show').argument('<plan>').description('one plan with its parameters'), async ([name = '']) => {
    const { showService } = await load()
    return run(async (options, io) => await showService(name, options, io))
  })
  on(
    service.command('check').argument('<file>').description('look for mistakes in a plan file'),
    async ([file = '']) => {
      const { checkService } = await load()
      return run(async (options, io) => await checkService(file, options, io))
    },
  )
}
