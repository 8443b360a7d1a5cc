import { AppError } from '../base/errors.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Settings } from './settings.ts'

/**
 * The administrator of an account's own database server is the engine's alone: the password lies in the settings sealed
 * once more, by the engine's key ring, which the API has not.
 */
export function adminSealed(settings: Settings, engineKeys: KeyRing | undefined, accountId: number): Settings {
  const { admin } = settings
  if (admin?.password === undefined) return settings
  if (engineKeys === undefined)
    throw new AppError('bug', 'engine-keys-missing', 'keeping a database’s administrator needs the engine’s key ring')
  return { ...settings, admin: { user: admin.user, sealed: engineKeys.seal(admin.password, context(accountId)) } }
}

/** With the password where the key ring is there, else as it lies; rows of before hold it open. */
export function adminOpened(settings: Settings, engineKeys: KeyRing | undefined, accountId: number): Settings {
  const { admin } = settings
  if (admin?.sealed === undefined || engineKeys === undefined) return settings
  return { ...settings, admin: { user: admin.user, password: engineKeys.open(admin.sealed, context(accountId)) } }
}

function context(accountId: number): string {
  return `administrator of a database of account ${accountId}`
}
