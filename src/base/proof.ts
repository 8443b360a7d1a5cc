import type { KeyRing } from './key-ring.ts'

/** Of clocks on different machines, and the time that a request takes. */
const VALID_MS = 300_000

/** Shows that the bearer has the key ring: a text that is good for a few minutes and for this purpose. */
export function proofFor(keys: KeyRing, purpose: string, now: number): string {
  return keys.seal(String(now), purpose)
}

export function isProof(text: string, keys: KeyRing, purpose: string, now: number): boolean {
  try {
    return Math.abs(now - Number(keys.open(text, purpose))) <= VALID_MS
  } catch {
    // Not sealed by this ring, or for something else: no proof.
    return false
  }
}
