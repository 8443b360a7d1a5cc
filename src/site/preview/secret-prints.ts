import { createHmac } from 'node:crypto'
import { givenSecrets } from '../secrets.ts'

/** Fingerprints of Secrets by their name: equal when nothing in them changed, and of no use to whoever reads them. */
export type SecretPrints = Readonly<Record<string, string>>

/** `key`: a secret of the site's own; without it short values could be guessed from a fingerprint. */
export function secretPrints(stored: Readonly<Record<string, string>>, key: string): SecretPrints {
  const prints = Object.entries(givenSecrets(stored)).map(([secret, values]) => {
    const content = JSON.stringify(Object.entries(values).toSorted(([one], [other]) => (one < other ? -1 : 1)))
    return [secret, createHmac('sha256', key).update(content).digest('hex').slice(0, 10)] as const
  })
  return Object.fromEntries(prints)
}
