import type { Command } from 'commander'
import { parseNumber } from './io.ts'
import { type On, run } from './words.ts'

/** Words about Terraform states. */
export function addStateWords(program: Command, on: On): void {
  const state = program.command('state').description('Terraform states: of the site, and of ordered nodes and volumes')
  const load = async () => await import('./states.ts')
  on(state.command('list').description('all states, and who works on them'), async () => run((await load()).listStates))
  on(
    state.command('show').argument('<root>').description('what a state manages, by address; never a value'),
    async ([root = '']) => {
      const { showState } = await load()
      return run(async (options, io) => await showState(root, options, io))
    },
  )
  on(state.command('history').argument('<root>').description('its kept versions'), async ([root = '']) => {
    const { showHistory } = await load()
    return run(async (options, io) => await showHistory(root, options, io))
  })
  on(
    state
      .command('restore')
      .argument('<root>')
      .argument('<version>', 'see `state history`')
      .description('make an earlier version the newest; says what that means, and asks')
      .option('--yes', "don't ask"),
    async ([root = '', version = '']) => {
      const { restoreState } = await load()
      const number = parseNumber('version')(version)
      return run(async (options, io) => await restoreState(root, number, options, io))
    },
  )
  on(
    state
      .command('unlock')
      .argument('<root>')
      .description('take away the lock of a run that has died')
      .option('--yes', "don't ask"),
    async ([root = '']) => {
      const { unlockState } = await load()
      return run(async (options, io) => await unlockState(root, options, io))
    },
  )
}
