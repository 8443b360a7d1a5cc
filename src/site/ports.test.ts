import { expect, test } from 'vitest'
import { choosePorts, type FindHolder } from './ports.ts'

const nobody: FindHolder = () => undefined
const at =
  (port: number, program: string, ours: boolean): FindHolder =>
  (asked) =>
    asked === port ? { pid: 7, program, ours } : undefined

test('the first site gets the well-known ports', () => {
  expect(choosePorts({}, new Set(), nobody)).toEqual({ http: 8080, https: 8443, mongo: 27018, broker: 5671 })
})

const cases = [
  { taken: [8080], holder: nobody, why: 'a port of a site that is down belongs to that site' },
  { taken: [], holder: at(27018, 'node', true), why: 'a port that another site listens on is left to it' },
]

for (const { taken, holder, why } of cases) {
  test(why, () => {
    expect(choosePorts({}, new Set(taken), holder)).toEqual({ http: 8180, https: 8543, mongo: 27118, broker: 5771 })
  })
}

test("another program's port is named with its holder and the options that help", () => {
  expect(() => choosePorts({}, new Set(), at(8080, 'python3 server.py', false))).toThrow(
    /port 8080 for http is in use by python3 server.py \(process 7\).*--http-port or --port-base/,
  )
})

test('a base gives four ports in a row', () => {
  expect(choosePorts({ base: 9000 }, new Set(), nobody)).toEqual({ http: 9000, https: 9001, mongo: 9002, broker: 9003 })
})

test('one port can be chosen by itself', () => {
  expect(choosePorts({ ports: { http: 9090 } }, new Set(), nobody).http).toBe(9090)
})

const refused = [
  { options: { base: 70_000 }, taken: [], why: 'a port above 65535' },
  { options: { ports: { http: 5671 } }, taken: [], why: 'the same port twice' },
  { options: { ports: { http: 9090 } }, taken: [9090], why: 'an asked port of another site' },
]

for (const { options, taken, why } of refused) {
  test(`refused: ${why}`, () => expect(() => choosePorts(options, new Set(taken), nobody)).toThrow(/port/))
}
