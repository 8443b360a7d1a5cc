import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestHub } from '../../../test/support/jupyterhub.ts'
import { startJupyterhub } from '../../../test/support/jupyterhub.ts'
import { jupyterhubContract } from './contract-suite.ts'
import { createJupyterhub } from './http.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startJupyterhub()
})
afterAll(() => hub?.stop())

jupyterhubContract(() => createJupyterhub(hub.access))

test('a wrong token is forbidden, a silent hub unavailable', async () => {
  const wrong = createJupyterhub({ ...hub.access, token: 'wrong' })
  await expect(wrong.listUsers()).rejects.toMatchObject({ kind: 'forbidden', code: 'jupyterhub-forbidden' })
  const dead = createJupyterhub({ ...hub.access, url: 'http://127.0.0.1:1' })
  await expect(dead.listUsers()).rejects.toMatchObject({ kind: 'unavailable', code: 'jupyterhub-unreachable' })
})
