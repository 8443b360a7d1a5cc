import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import type { TestSite } from './cli.ts'
import { outcomeOf, runPython } from './client.ts'
import type { Pod } from './cluster.ts'
import { configOf, type Person } from './people.ts'

export type Outcome = Readonly<Record<string, string | number>>

const program = resolve(import.meta.dirname, 'intruder.py')
export const intruderSource = (): string => readFileSync(program, 'utf8')

/** Whom to attack, as intruder.py takes it: names that an attacker may know, and no secret. */
export async function victimOf(who: Person): Promise<Record<string, string>> {
  const { OMEGA_MONGO_URL = '', OMEGA_CELERY_CONFIG } = await configOf(who)
  const { BROKER_URL = '' } = OMEGA_CELERY_CONFIG as unknown as Record<string, string>
  const name = (url: string) => new URL(url).pathname.slice(1)
  return { VICTIM: who.userid, VICTIM_DATABASE: name(OMEGA_MONGO_URL), VICTIM_VHOST: name(BROKER_URL) }
}

/** From this host, with the real client's libraries and valid credentials of `who`. */
export async function intrudeFromOutside(who: Person, victim: Person): Promise<Outcome> {
  const env = { USERID: who.userid, APIKEY: who.apikey, API_URL: who.apiUrl, ...(await victimOf(victim)) }
  return await runPython<Outcome>('intruder.py', [], env)
}

/** From inside the notebook's pod, with what that was given. */
export async function intrudeFromPod(site: TestSite, { namespace, name }: Pod, victim: Person): Promise<Outcome> {
  const variables = Object.entries({ ...(await victimOf(victim)), INSIDE: 'yes' }).map(
    ([key, value]) => `${key}=${value}`,
  )
  const words = ['exec', '-i', '-n', namespace, name, '--', 'env', ...variables, 'python3', '-']
  const kubectl = join(process.env['CLOUDMGR_TOOLS_BIN'] ?? '', 'kubectl')
  const options = { input: intruderSource(), reject: false, timeout: 300_000 } as const
  const done = await execa(kubectl, ['--kubeconfig', join(site.state, 'kubeconfig'), ...words], options)
  return outcomeOf<Outcome>('intruder.py in a pod', done)
}

/** Who refuses what: another error than theirs would only show that the attempt was wrong. */
const refusals: Readonly<Record<string, RegExp>> = {
  'database:': /^refused: (OperationFailure|Nothing)/,
  'broker:': /^refused: (AccessRefused|NotAllowed|NotFound)/,
  // 30: the file system can't be written.
  'pod:': /^refused: (PermissionError|FileNotFoundError|Nothing|OSError \[Errno 30\])/,
}

/** Everything was refused, by those who should; what is the attacker's own works, so that it was tried in earnest. */
export function expectRefused(outcome: Outcome): void {
  const own = ['database: own database', 'broker: own broker']
  for (const name of own) expect(outcome[name], name).toMatch(/^done/)
  const tried = Object.entries(outcome).filter(([name]) => !own.includes(name))
  const open = tried.filter(([name, result]) => {
    if (typeof result === 'number') return ![401, 403, 404].includes(result)
    const [kind = ''] = name.split(' ', 1)
    return refusals[kind]?.test(result) !== true
  })
  expect(Object.fromEntries(open)).toEqual({})
}
