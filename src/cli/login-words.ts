import { type Command, Option } from 'commander'
import { type On, run } from './words.ts'

/** Words about who speaks to which service. */
export function addLoginWords(program: Command, on: On, onService: On): void {
  const load = async () => await import('./login.ts')
  const who = () => new Option('--userid <name>', 'who signs in').env('CLOUDMGR_USERID')
  on(
    program
      .command('login')
      .argument('<url>', 'of the service, such as https://hub.example.org')
      .description('sign in at a service; its key is asked for, or read from the input or CLOUDMGR_APIKEY')
      .addOption(who())
      .option('--ca <file>', 'certificates of its authority, kept with the sign-in')
      .option('--allow-http', 'send the key without encryption'),
    async ([url = '']) => {
      const { login } = await load()
      return run(async (options, io) => await login(url, options, io))
    },
  )
  on(
    program
      .command('logout')
      .argument('[url]', 'of the service (default: the last one)')
      .description('forget a sign-in; its key stays good')
      .addOption(who()),
    async ([url]) => {
      const { logout } = await load()
      return run(async (options, io) => await logout(url, options, io))
    },
  )
  onService(program.command('whoami').description('which service the words go to, and as whom'), async () =>
    run((await load()).whoami),
  )
}
