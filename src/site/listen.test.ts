import { expect, test } from 'vitest'
import { checkFarDomain, checkListen, openPorts, reachableAt } from './listen.ts'

const own = ['192.0.2.7', '2001:db8::7']

const cases: { text: string; listen: string | undefined; why: string }[] = [
  { text: '192.0.2.7', listen: '192.0.2.7', why: 'an address of this machine' },
  { text: '2001:DB8::7', listen: '2001:db8::7', why: 'an address of IPv6, however it is written' },
  { text: '0.0.0.0', listen: '0.0.0.0', why: 'all addresses' },
  { text: '127.0.0.1', listen: undefined, why: 'the loopback means: this machine alone' },
  { text: 'localhost', listen: undefined, why: 'so does its name' },
  { text: '::1', listen: undefined, why: 'and its address of IPv6' },
]

for (const { text, listen, why } of cases) test(why, () => expect(checkListen(text, own)).toBe(listen))

for (const text of ['192.0.2.8', 'eth0', 'hub.example.org', '']) {
  test(`"${text}" is refused with the addresses there are`, () => {
    const details = { field: 'listen', value: text, right: own }
    expect(() => checkListen(text, own)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'listen', details }))
  })
}

test('a name below localhost is refused where others shall reach it', () => {
  const refused = expect.objectContaining({ kind: 'invalid', code: 'domain-local' })
  expect(() => checkFarDomain('omega.localhost', '192.0.2.7', 'omega')).toThrow(refused)
  expect(() => checkFarDomain('omega.localhost', undefined, 'omega')).not.toThrow()
  expect(() => checkFarDomain('omega.internal', '192.0.2.7', 'omega')).not.toThrow()
})

test('plain HTTP is not among what others reach', () => {
  const ports = { http: 1, https: 2, mongo: 3, broker: 4 }
  expect(openPorts(ports).map(({ port }) => port)).toEqual([2, 3, 4])
})

test('where a site listens on all addresses, others type one of this machine', () => {
  expect(reachableAt('0.0.0.0', own)).toEqual(['192.0.2.7'])
  expect(reachableAt('::', own)).toEqual(own)
  expect(reachableAt('192.0.2.7', own)).toEqual(['192.0.2.7'])
})
