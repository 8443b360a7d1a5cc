import { expect, test } from 'vitest'
import { AppError } from '../base/errors.ts'
import { keepToken } from './stats-token.ts'

const account = { namespace: 'services', name: 'node-stats' }

function keeper() {
  const time = { now: 0 }
  const asked: string[] = []
  let broken = false
  const serviceToken = async ({ namespace, name }: typeof account) => {
    asked.push(`${namespace}/${name}`)
    if (broken) throw new AppError('unavailable', 'kubernetes-unreachable', 'asking')
    return { token: `token ${asked.length}`, expiresAt: time.now + 600_000 }
  }
  const token = keepToken({ serviceToken }, account, { now: () => time.now, sleep: async () => {} })
  return { time, asked, token, breakDown: (is: boolean) => (broken = is) }
}

test('many who ask at once get the same token, until it is about to end', async () => {
  const { time, asked, token } = keeper()
  expect(await Promise.all([token(), token(), token()])).toEqual(['token 1', 'token 1', 'token 1'])
  time.now = 479_000
  expect(await token()).toBe('token 1')
  time.now = 480_000
  expect(await token()).toBe('token 2')
  expect(asked).toEqual(['services/node-stats', 'services/node-stats'])
})

test('a refusal is not kept', async () => {
  const { token, breakDown } = keeper()
  breakDown(true)
  await expect(token()).rejects.toMatchObject({ kind: 'unavailable' })
  breakDown(false)
  expect(await token()).toBe('token 2')
})
