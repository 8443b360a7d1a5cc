import { expect } from 'vitest'
import { startTlsFront } from '../support/tls-front.ts'
import type { TestSite } from './cli.ts'
import { runPython } from './client.ts'
import { closedPlaces } from './cluster.ts'
import { openNotebookAfterSuspension } from './notebook.ts'
import { packageOwner, servePackages } from './packages.ts'
import { expectRefused, intruderSource, type Outcome, victimOf } from './intruder.ts'
import type { Person } from './people.ts'

const PASSWORD = 'a password of olga'
const done = expect.stringContaining('Ok, done.') as string
const saying = (text: RegExp) => expect.stringMatching(text) as string

/**
 * Orders nodes and workers, uses and removes them by the unmodified client, over HTTPS with a certificate authority of
 * our own: the hub under its own name, and under the one that the client asks for its status. From inside the worker it tries
 * what it must not reach, `neighbour` (the address of the victim's notebook) among it, and what `victim` has. Its packages come from an index of ours.
 * Beside all that the account's notebooks (at the address `notebook`) are suspended, resumed and started with these packages.
 */
export async function orderEverything(
  site: TestSite,
  notebook: string,
  victim: Person,
  neighbour: string,
): Promise<void> {
  const olga = await site.json<Person>(
    ...['account', 'create', packageOwner, '--email', 'olga@example.com', '--password', PASSWORD],
  )
  await servePackages(site)
  await site.run('group', 'create', 'team', '--owner', 'olga')
  const hub = `hub.${site.domain}`
  const front = await startTlsFront([hub, 'hub.omegaml.io'], site.portBase)
  try {
    const closed = { 'the neighbour’s notebook': [neighbour, 8888], ...(await closedPlaces(site)) }
    const env = {
      CLOSED: JSON.stringify(closed),
      INTRUDER: JSON.stringify({ source: intruderSource(), ...(await victimOf(victim)) }),
      REQUESTS_CA_BUNDLE: front.ca,
      HTTPS_PROXY: front.proxy,
      APIKEY: olga.apikey,
      PASSWORD,
    }
    const [outcome] = await Promise.all([
      runPython<Record<string, string | number | string[] | Outcome>>('orders.py', ['olga', `https://${hub}`], env),
      openNotebookAfterSuspension(site, notebook, olga),
    ])
    expect(outcome).toMatchObject({
      'storage jwt': saying(/mongodb .*OK/),
      'config group': saying(/Qualifier: team:default/),
      'add group runtime': done,
      'ping group': saying(/ping return message.*runtime-team/),
      'remove group runtime': done,
      config: saying(/Qualifier: default/),
      'add nodepool': done,
      'add runtime': done,
      ping: saying(/ping return message/),
      'ping gpu': saying(/ping return message/),
      reached: ['its own hub'],
      worker: saying(/runtime-gpu.* greeting 1\.0/),
      'update runtime': done,
      results: 24,
      'env install': saying(/Successfully installed farewell-1\.0/),
      'env list': saying(/farewell +1\.0[\s\S]*greeting +1\.0/),
      'status runtime': saying(/celery@.*gpu/),
      'status pods': saying(/runtime-gpu.*Running.*olga-own-1/),
      'status nodes': saying(/olga-own-1 +running +gpu/),
      'status storage': saying(/mongodb .*OK/),
      log: saying(/Task .* succeeded/),
      metrics: saying(/runtime-gpu/),
      'metrics disk': saying(/olga-own-1/),
      'worker off': done,
      'worker on': done,
      'worker again': saying(/runtime-gpu.* greeting 1\.0/),
      deploy: done,
      'remove deployed': done,
      'remove unknown': saying(/exit [^0]/),
      'remove runtime': done,
      'remove nodepool': done,
    })
    expect(Object.keys(outcome['intruded'] as Outcome)).toContain('pod: mount')
    expectRefused(outcome['intruded'] as Outcome)
    const database = (text: unknown) => /MongoDB: \S+@(\S+)/.exec(String(text))?.[1]
    expect(database(outcome['config group'])).not.toBe(database(outcome['config']))
  } finally {
    await front.close()
  }
}
