import { expect, test } from 'vitest'
import { doorsOf, type ForwardPort, newDoors } from './doors.ts'

const at = (ports: readonly ForwardPort[]) => doorsOf(ports).map(({ key }) => key)
const loopback = { host: 8443, node: 30443 }

const cases: { ports: ForwardPort[]; doors: string[]; why: string }[] = [
  { ports: [loopback], doors: ['127.0.0.1 8443', '::1 8443'], why: 'a port without an address is the loopback’s' },
  {
    ports: [loopback, { ...loopback, address: '192.0.2.7' }],
    doors: ['127.0.0.1 8443', '::1 8443', '192.0.2.7 8443'],
    why: 'an address is listened on beside the loopback',
  },
  {
    ports: [loopback, { ...loopback, address: '0.0.0.0' }],
    doors: ['::1 8443', '0.0.0.0 8443'],
    why: 'all addresses of IPv4 leave no room for the loopback’s',
  },
  {
    ports: [loopback, { ...loopback, address: '::' }],
    doors: [':: 8443'],
    why: 'all addresses of IPv6 take IPv4 along',
  },
  {
    ports: [loopback, { host: 8080, node: 30080 }, { ...loopback, address: '0.0.0.0' }],
    doors: ['::1 8443', '0.0.0.0 8443', '127.0.0.1 8080', '::1 8080'],
    why: 'a port without an address stays on the loopback when another has one',
  },
]

for (const { ports, doors, why } of cases) test(why, () => expect(at(ports)).toEqual(doors))

test('what must be free before is what is new, and can be tried', () => {
  const wide = [loopback, { ...loopback, address: '0.0.0.0' }]
  const keys = (wanted: ForwardPort[], present: ForwardPort[]) => newDoors(wanted, present).map(({ key }) => key)
  expect(keys([loopback], [])).toEqual(['127.0.0.1 8443'])
  expect(keys(wide, [])).toEqual(['0.0.0.0 8443'])
  expect(keys(wide, [loopback])).toEqual([])
  expect(keys([loopback], wide)).toEqual([])
  expect(keys([loopback, { ...loopback, address: '192.0.2.7' }], [loopback])).toEqual(['192.0.2.7 8443'])
})
