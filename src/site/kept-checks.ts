import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Check } from './checks.ts'
import { credentialChecks, type NamedCertificate } from './credential-checks.ts'
import { secretNames } from './file/secret-names.ts'
import type { Journal } from './journal.ts'
import { lockedElsewhere } from './lock.ts'
import { givenSecrets, readStored } from './secrets.ts'
import { type Site, tlsOf } from './site.ts'
import { stateChecks } from './state-checks.ts'
import type { StatePaths } from './state.ts'

/** What can be told from the site's own folder: credentials that end, and what dead runs left. */
export async function keptChecks(site: Site, paths: StatePaths, journal: Journal, now: Date): Promise<Check[]> {
  const { kubeconfig, folder, terraform } = paths
  const file = existsSync(kubeconfig)
    ? { text: readFileSync(kubeconfig, 'utf8'), changedAt: statSync(kubeconfig).mtimeMs }
    : undefined
  const roots = existsSync(terraform) ? readdirSync(terraform) : []
  return [
    ...credentialChecks(file, certificatesOf(site, paths), now),
    ...stateChecks({
      states: await journal.states.list(),
      elsewhere: lockedElsewhere(folder),
      unwritten: roots.filter((root) => existsSync(join(terraform, root, 'errored.tfstate'))),
    }),
  ]
}

/** Lines about certificates of the site that end soon, or have ended: what is ours an `up` has renewed by then. */
export function certificateNotes(site: Site, paths: StatePaths, now: Date): string[] {
  return credentialChecks(undefined, certificatesOf(site, paths), now)
    .filter(({ ok }) => !ok)
    .map(({ name, detail, mend }) => `${name} ${detail}: ${mend}`)
}

function certificatesOf(site: Site, { ca, folder }: StatePaths): NamedCertificate[] {
  const tls = tlsOf(site)
  const served = givenSecrets(readStored(folder))[secretNames.tls]?.['tls.crt']
  const renewal = tls === 'given' ? './cloudmgr up with a renewed certificate' : './cloudmgr up renews it'
  return [
    ...(existsSync(ca)
      ? [
          {
            name: 'cluster authority',
            pem: readFileSync(ca, 'utf8'),
            mend: 'a cluster made anew has another: down, then up',
          },
        ]
      : []),
    ...(served === undefined || tls === undefined ? [] : [{ name: 'certificate', pem: served, mend: renewal }]),
  ]
}
