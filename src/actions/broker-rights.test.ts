import { expect, test } from 'vitest'
import { sharedPermissions } from './broker-rights.ts'

const reply = 'd9428888-122b-11e1-b85c-61cd3cbb3210'
const rights = sharedPermissions('alice')

const cases: { right: 'configure' | 'write' | 'read'; name: string; may: boolean; why: string }[] = [
  { right: 'configure', name: 'q-alice', may: true, why: 'the client declares its queue' },
  { right: 'configure', name: 'x-alice', may: true, why: 'the client declares its exchange' },
  { right: 'configure', name: reply, may: true, why: 'the client declares its reply queue' },
  { right: 'configure', name: 'q-bob', may: false, why: "another account's queue can't be deleted" },
  { right: 'configure', name: 'q-alice2', may: false, why: "a longer name is another account's" },
  { right: 'configure', name: 'default', may: false, why: "the workers' queue can't be declared" },
  { right: 'configure', name: 'celery.pidbox', may: false, why: "the workers' control exchange can't be declared" },
  { right: 'write', name: 'amq.default', may: true, why: 'tasks are published through the default exchange' },
  { right: 'write', name: 'amqXdefault', may: false, why: 'the dot in amq.default is a dot' },
  { right: 'write', name: 'x-bob', may: false, why: "nothing is sent to another account's exchange" },
  { right: 'read', name: reply, may: true, why: 'replies are read' },
  { right: 'read', name: 'q-alice', may: false, why: 'tasks are read by workers only' },
  { right: 'read', name: 'x-bob', may: false, why: "no queue is bound to another account's exchange" },
  { right: 'read', name: `a${reply}`, may: false, why: 'a UUID inside a longer name is no reply queue' },
]

for (const { right, name, may, why } of cases) {
  test(why, () => expect(new RegExp(rights[right]).test(name)).toBe(may))
}
