import { afterEach, expect, test } from 'vitest'
import { answerHttp, type HttpAnswers } from '../../../test/support/http-answers.ts'
import { createJupyterhub } from './http.ts'

let hub: HttpAnswers
afterEach(() => hub.stop())

test('a hub that lost its database for one request is asked again', async () => {
  const answers = [
    { status: 403, body: { status: 403, message: 'Missing or invalid credentials.' } },
    { status: 200, body: { name: 'nils', admin: false, servers: {} } },
  ]
  hub = await answerHttp(() => answers.shift() ?? { status: 500 })
  const user = await createJupyterhub({ url: hub.url, token: 'right' }).findUser('nils')
  expect(user).toMatchObject({ name: 'nils' })
  expect(hub.asked).toEqual(['GET /hub/api/users/nils', 'GET /hub/api/users/nils'])
})

test('what the token may not do is refused at once', async () => {
  hub = await answerHttp(() => ({ status: 403, body: { message: 'Action is not authorized with current scopes' } }))
  const asking = createJupyterhub({ url: hub.url, token: 'small' }).findUser('nils')
  await expect(asking).rejects.toMatchObject({ kind: 'forbidden', code: 'jupyterhub-forbidden' })
  expect(hub.asked).toHaveLength(1)
})
