import type { ActionContext } from '../actions/action.ts'
import { AppError, must } from '../base/errors.ts'
import { Status } from '../base/status.ts'
import type { AccountView, ServiceApi } from './service-api.ts'

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** Gives up after `attempts` looks of a quarter of a second; the engine tries again. */
export async function waitUntilHealthy(
  api: Pick<ServiceApi, 'healthy'>,
  sleep: Sleep,
  { waiting, signal }: Pick<ActionContext, 'waiting' | 'signal'>,
  attempts = 480,
): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (await api.healthy()) return waiting(undefined)
    waiting('the API to answer')
    await sleep(250, signal)
  }
  throw new AppError(
    'unavailable',
    'service-silent',
    'waiting for the API at its public URL: it did not answer in two minutes',
  )
}

/** Resolves once the account can be used; rejects with the reason when its deployment failed. */
export async function waitUntilActive(
  api: Pick<ServiceApi, 'findAccount'>,
  userid: string,
  sleep: Sleep,
  { waiting, signal }: Pick<ActionContext, 'waiting' | 'signal'>,
): Promise<AccountView> {
  for (;;) {
    const account = await api.findAccount(userid)
    if (account === undefined) throw new AppError('not-found', 'no-account', `account ${userid} was not found`)
    if (account.status === 'active') {
      waiting(undefined)
      return account
    }
    if (account.status === 'failed') {
      throw new AppError(
        'conflict',
        'account-failed',
        `account ${userid} failed: ${account.statusDetail ?? 'see its command'}`,
      )
    }
    waiting(`account ${userid}: ${account.statusDetail ?? account.status}`)
    await sleep(200, signal)
  }
}

/** Resolves once the command is done; rejects with its reason when it failed. */
export async function waitUntilDone(
  api: Pick<ServiceApi, 'findCommand'>,
  id: number,
  sleep: Sleep,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const command = must(await api.findCommand(id), `command ${id}`)
    if (command.status === Status.completed) return
    if (command.status === Status.failed)
      throw new AppError('conflict', 'command-failed', `command ${id} failed: ${command.message ?? 'see its steps'}`)
    await sleep(200, signal)
  }
}
