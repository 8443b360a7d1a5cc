import { join } from 'node:path'

/** What this computer can run: pinned in `tools/`, newest first. The first is meant where nobody names one. */
export const localVersions = ['1.37.2', '1.36.3'] as const
export const usualLocalVersion = localVersions[0]
/** At clouds, where the distributions' releases lag behind our own. */
export const usualCloudVersion = '1.35.8'

/**
 * What it means to go from one version to another. `skips`: over a minor version, which Kubernetes supports nowhere.
 * `older`: of a minor version before; what a newer API server wrote an older one may misread.
 */
export type VersionStep = 'same' | 'patch' | 'minor' | 'skips' | 'older'

export function versionStep(from: string, to: string): VersionStep {
  if (plain(from) === plain(to)) return 'same'
  const minors = minorNumber(to) - minorNumber(from)
  if (minors < 0) return 'older'
  if (minors === 0) return 'patch'
  return minors === 1 ? 'minor' : 'skips'
}

/** `v1.36.3+k3s1` → `1.36`. */
export function minorOf(version: string): string {
  return plain(version).split('.').slice(0, 2).join('.')
}

function minorNumber(version: string): number {
  const [major = 0, minor = 0] = plain(version).split('.').map(Number)
  return major * 1_000 + minor
}

/** Without a leading `v`. */
export function plain(version: string): string {
  return version.replace(/^v/, '')
}

/** Why nobody may go from one to the other, with what would be right; `undefined`: it may be done. `back` says how else. */
export function refusedStep(from: string, to: string, back: string): string | undefined {
  switch (versionStep(from, to)) {
    case 'same':
    case 'patch':
    case 'minor':
      return undefined
    case 'skips':
      return `Kubernetes ${from} → ${to} goes over a minor version: one after the other, so first one of ${nextMinor(from)}`
    case 'older':
      return `Kubernetes ${from} → ${to} goes back, which Kubernetes does not support: an older API server may misread what a newer one wrote. ${back}`
  }
}

function nextMinor(version: string): string {
  const next = minorNumber(version) + 1
  return `${Math.floor(next / 1_000)}.${next % 1_000}`
}

/** Where the programs of one version lie: the usual ones among all others in `bin`, further ones in a folder of their own. */
export function kubernetesFolder(bin: string, version: string): string {
  return plain(version) === usualLocalVersion ? bin : join(bin, `kubernetes-${plain(version)}`)
}
