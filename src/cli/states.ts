import { AppError } from '../base/errors.ts'
import { followCommand } from './command.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { type Change, listPlaces, type ShownState, type ShownVersion, withPlaceOf } from './state-places.ts'
import { table } from './table.ts'

export interface StateOptions extends GlobalOptions {
  readonly yes?: boolean | undefined
}

/** All Terraform states: of the site's own roots, and of what was ordered. */
export async function listStates(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { states, note } = await listPlaces(options, io)
  if (options.json === true) printJson(io, states.map(withoutAddresses))
  else {
    const rows = states.map((state) => [
      state.root,
      state.place,
      String(state.version),
      ...numbers(state),
      state.changedAt ?? '',
      aboutLock(state) ?? aboutPlace(state) ?? '',
    ])
    print(io, ...table([['ROOT', 'OF', 'VERSION', 'SERIAL', 'RESOURCES', 'BYTES', 'CHANGED', 'ABOUT'], ...rows]))
  }
  if (note !== undefined) io.err.write(`${note}\n`)
  return exitCodes.ok
}

const plainText = 'a readable file of an older version: the next up or down moves it into the journal'

function aboutPlace({ plain, outside }: ShownState): string | undefined {
  if (outside !== undefined) return `kept by backend ${outside}: versions and locks are that one's`
  return plain === true ? plainText : undefined
}

function withoutAddresses({ addresses: _addresses, ...state }: ShownState): Omit<ShownState, 'addresses'> {
  return state
}

function numbers({ serial, resources, bytes }: Pick<ShownVersion, 'serial' | 'resources' | 'bytes'>): string[] {
  return [serial, resources, bytes].map((one) => String(one ?? '?'))
}

function aboutLock({ lock }: ShownState): string | undefined {
  if (lock === undefined) return undefined
  const since = lock.since === undefined ? '' : ` since ${lock.since}`
  if (lock.alive) return `${lock.holder} works on it${since}`
  return `locked by ${lock.holder}${since}, which has died: the next run takes it over`
}

/** What a state manages, by address; never a value. */
export async function showState(root: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const state = await withPlaceOf(root, options, io, async (place) => await place.show(root))
  if (options.json === true) printJson(io, state)
  else {
    const { addresses = [], changedAt, version } = state
    const [serial, resources, bytes] = numbers(state)
    const lock = aboutLock(state)
    print(
      io,
      `${root} of the ${state.place}: version ${version}, serial ${serial}, ${resources} resources, ${bytes} bytes${changedAt === undefined ? '' : `, written ${changedAt}`}`,
      ...[aboutPlace(state), lock].filter((line) => line !== undefined),
      ...addresses.map((address) => `  ${address}`),
    )
  }
  return exitCodes.ok
}

/** The kept versions, newest first. */
export async function showHistory(root: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const versions = await withPlaceOf(root, options, io, async (place) => await place.versions(root))
  if (options.json === true) printJson(io, versions)
  else {
    const rows = versions.map((one) => [String(one.version), ...numbers(one), one.writtenAt])
    print(io, ...table([['VERSION', 'SERIAL', 'RESOURCES', 'BYTES', 'WRITTEN'], ...rows]))
  }
  return exitCodes.ok
}

/** Makes an earlier version the newest, after it was said what that means. */
export async function restoreState(root: string, version: number, options: StateOptions, io: Io): Promise<ExitCode> {
  const change = await withPlaceOf(root, options, io, async (place) => {
    const present = await place.show(root)
    const wanted = await place.version(root, version)
    if (present.lock?.alive === true) throw busy(root, present)
    if (options.json !== true) print(io, ...meaning(root, wanted, present))
    await confirmed(root, options, io)
    return await place.restore(root, version, present.version)
  })
  return await told(root, change, options, io)
}

function meaning(root: string, wanted: ShownVersion, present: ShownState): string[] {
  const [before, now] = [wanted.addresses, present.addresses]
  const named = (addresses: readonly string[]) => addresses.map((address) => `    ${address}`)
  const lines = [
    `Version ${wanted.version} of ${root}, written ${wanted.writtenAt}, becomes the newest. Nothing outside is changed by that:`,
    'it changes what Terraform takes for there. The next run looks for it, and makes anew what is missing.',
  ]
  if (before === undefined || now === undefined) return [...lines, '  what the versions manage is not known here']
  const forgotten = now.filter((address) => !before.includes(address))
  const known = before.filter((address) => !now.includes(address))
  return [
    ...lines,
    ...(forgotten.length === 0
      ? []
      : ['  it forgets these; what is there of them stays, and may be made twice:', ...named(forgotten)]),
    ...(known.length === 0 ? [] : ['  it takes these for there again:', ...named(known)]),
    ...(forgotten.length + known.length === 0 ? ['  it manages the same as the newest'] : []),
  ]
}

/** Takes away a lock that a dead run has left. */
export async function unlockState(root: string, options: StateOptions, io: Io): Promise<ExitCode> {
  const change = await withPlaceOf(root, options, io, async (place): Promise<Change> => {
    const doubtful = place.doubtful()
    const state = await place.show(root)
    if (state.lock?.alive === true && doubtful === undefined) throw busy(root, state)
    if (state.outside !== undefined) return await place.unlock(root)
    if (state.lock === undefined && doubtful === undefined) return { unlocked: false }
    if (options.json !== true) {
      print(io, doubtful === undefined ? `${root} is ${aboutLock(state)}` : `${doubtful} has this site's lock`)
      print(io, 'Two runs at once on one root spoil its state: go on only when that one has surely ended.')
    }
    await confirmed(root, options, io)
    return await place.unlock(root)
  })
  return await told(root, change, options, io)
}

function busy(root: string, state: ShownState): AppError {
  return new AppError('conflict', 'state-locked', `the state of ${root} is locked: ${aboutLock(state)}; wait for it`, {
    details: { field: 'root', value: root },
  })
}

async function confirmed(root: string, options: StateOptions, io: Io): Promise<void> {
  if (options.yes === true) return
  const answer = await io.ask(`Type ${root} to go on: `)
  if (answer?.trim() === root) return
  throw new AppError('invalid', 'not-confirmed', `nothing was changed: type ${root} when asked, or give --yes`)
}

async function told(root: string, change: Change, options: StateOptions, io: Io): Promise<ExitCode> {
  if ('command' in change) return await followCommand(change.command, options, io)
  if (options.json === true) printJson(io, { root, ...change })
  else if ('unlocked' in change)
    print(io, change.unlocked ? `the lock of ${root} is gone` : `nobody has the lock of ${root}`)
  else
    print(
      io,
      change.serial === undefined
        ? `that is the state of ${root} already`
        : `restored: it is the state of ${root} again, as serial ${change.serial}`,
    )
  return exitCodes.ok
}
