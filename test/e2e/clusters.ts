import { expect } from 'vitest'
import type { TestSite } from './cli.ts'
import { kubectl, leftoversOf } from './cluster.ts'
import { createAccount, workAs } from './people.ts'

interface Listed {
  readonly name: string
  readonly machines?: { readonly all: number; readonly ready: number }
}

/**
 * A second cluster is ordered, an account is put there, and works with a runtime on it by the unmodified client: tasks come
 * over the site's broker, data from its MongoDB. It stays while it is used, and leaves nothing.
 */
export async function useSecondCluster(site: TestSite): Promise<void> {
  const clea = await createAccount(site, 'clea')
  await site.run('cluster', 'add', 'second')
  await site.run('order', 'add', 'tenant', '--account', 'clea', '--specs', 'cluster=second')
  await site.run('worker', 'add', 'worker', '--account', 'clea', '--specs', 'cluster=second')
  expect(await kubectl(site, 'get', 'deployments', '-n', 'om-clea', '-o', 'name')).toBe('')
  const one = { all: 1, ready: 1 }
  const seen = { name: 'second', state: 'ready', machines: one, account: 'admin', tenants: ['clea'] }
  expect(await site.json<Listed[]>('cluster', 'list')).toMatchObject([seen])
  expect(await site.json('status')).toMatchObject({ state: 'up', clusters: [{ name: 'second', state: 'ready' }] })

  await workAs(site, clea)
  const { pods } = await site.json<{ pods: object[] }>('status', '--account', 'clea')
  expect(pods).toMatchObject([{ status: 'Running', ready: true, node: 'second-1', cluster: 'second' }])
  expect((await site.run('logs', '--account', 'clea')).stdout).toMatch(/Task .* succeeded/)
  expect(await site.json('orphans')).toEqual([])
  expect(await site.json('drift')).toEqual([])

  const refused = await site.attempt('cluster', 'remove', 'second', '--yes')
  expect(refused).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('tenant second of account clea') as string,
  })
  await site.run('worker', 'remove', 'worker', '--account', 'clea', '--yes')
  await site.run('order', 'remove', 'tenant', '--account', 'clea', '--specs', 'cluster=second', '--yes')
  await site.run('cluster', 'remove', 'second', '--yes')
  expect(await site.json('cluster', 'list')).toEqual([])
  expect(await kubectl(site, 'get', 'services,networkpolicies', '-n', 'omegaml-services', '-o', 'name')).not.toContain(
    'cluster-second',
  )
  expect(await leftoversOf(site)).not.toContain('second')
  await site.run('account', 'remove', 'clea', '--yes')
}
