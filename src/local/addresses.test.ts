import { expect, test } from 'vitest'
import { addressesOf, freeMachineNumber, machineNames, maxSlots, overlaps } from './addresses.ts'

test('every site has addresses and names that no other site has', () => {
  const all = Array.from({ length: maxSlots }, (_, slot) => addressesOf(slot))
  const ranges = all.flatMap(({ uplink, bridge }) => [uplink.subnet, bridge.subnet])
  expect(new Set(ranges).size).toBe(2 * maxSlots)
  expect(new Set(all.map(({ name }) => name)).size).toBe(maxSlots)
  expect(all.at(-1)?.bridge.subnet).toBe('10.231.255.0/24')
})

test('link names fit the fifteen characters of the kernel', () => {
  const addresses = addressesOf(maxSlots - 1)
  expect(addresses.uplink.link.length).toBeLessThanOrEqual(15)
  expect(machineNames(addresses, 'a-machine-with-a-long-name', 250).port.length).toBeLessThanOrEqual(15)
})

test('a machine lives on the bridge of its site', () => {
  expect(machineNames(addressesOf(3), 'node-1', 11)).toMatchObject({
    address: '10.231.7.11',
    netns: 'cm3-node-1',
    cgroup: 'cloudmgr-3-node-1',
  })
})

test('the number of a removed machine is given out again', () => {
  expect(freeMachineNumber([])).toBe(11)
  expect(freeMachineNumber([11, 13])).toBe(12)
  expect(() => freeMachineNumber(Array.from({ length: 240 }, (_, index) => index + 11))).toThrow('at most 240')
})

const pairs: { a: string; b: string; shared: boolean; why: string }[] = [
  { a: '10.231.0.0/30', b: '10.0.0.0/8', shared: true, why: 'a wide network of the host holds the site' },
  { a: '10.231.1.0/24', b: '10.231.1.7/32', shared: true, why: 'a single host inside' },
  { a: '10.231.1.0/24', b: '10.231.1.7', shared: true, why: 'a route to a single host is written without its bits' },
  { a: '10.231.1.0/24', b: '10.231.2.0/24', shared: false, why: 'neighbours do not overlap' },
]

for (const { a, b, shared, why } of pairs) {
  test(why, () => {
    expect(overlaps(a, b)).toBe(shared)
    expect(overlaps(b, a)).toBe(shared)
  })
}
