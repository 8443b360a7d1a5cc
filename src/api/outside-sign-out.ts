import { AppError, explain } from '../base/errors.ts'
import type { ApiDeps } from './deps.ts'

/** Where browsers come back to from a sign-out at the site's other issuer; it has to be registered there. */
export const SIGNED_OUT_PATH = '/accounts/openid/signed-out'
const CONTEXT = 'session at another issuer'

/** Somebody who came by the site's other issuer is signed in there still. */
export interface StillSignedIn {
  readonly label: string
  /** Where a browser ends that; left out where the issuer has no such place, or does not answer. */
  readonly url?: string
}

/** To be kept with the session until it ends. */
export function sealOutside({ openid }: ApiDeps, idToken: string): string | null {
  return openid === undefined ? null : openid.keys.seal(idToken, CONTEXT)
}

/** `sealed` is what the session was kept with. */
export async function stillSignedIn(deps: ApiDeps, sealed: string | undefined): Promise<StillSignedIn | undefined> {
  const { openid, site } = deps
  if (sealed === undefined || openid === undefined || site.openid === undefined) return undefined
  const { label } = site.openid
  const back = `${site.publicUrl.replace(/\/+$/, '')}${SIGNED_OUT_PATH}`
  try {
    const url = await openid.issuer.end(openid.keys.open(sealed, CONTEXT), back)
    return url === undefined ? { label } : { label, url }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    deps.log.warn('signing out at another issuer failed', { code: error.code, error: explain(error) })
    return { label }
  }
}
