import { expect, test } from 'vitest'
import { type Worker, workersOf } from './workers.ts'

const reply = '0b2f3c1e-8f3a-4b52-9d8e-1c2d3e4f5a6b'

const cases: {
  seen: [connection: string, queue: string][]
  vhost: 'own' | 'shared'
  workers: Worker[]
  why: string
}[] = [
  { seen: [], vhost: 'shared', workers: [], why: 'nobody works' },
  {
    seen: [
      ['10.0.0.2:1', 'default'],
      ['10.0.0.1:1', 'default'],
    ],
    vhost: 'shared',
    workers: [
      { name: 'celery@shared-1', queues: ['default'] },
      { name: 'celery@shared-2', queues: ['default'] },
    ],
    why: 'shared workers are numbered: their names and addresses are not for users',
  },
  {
    seen: [
      ['a', 'default'],
      ['b', reply],
      ['c', 'q-bobby'],
      ['c', 'celery@bobby.celery.pidbox'],
    ],
    vhost: 'shared',
    workers: [{ name: 'celery@shared-1', queues: ['default'] }],
    why: 'what others on the shared vhost listen to is not told',
  },
  {
    seen: [
      ['a', 'gpu'],
      ['a', 'default'],
      ['a', 'celery@gpu-0.celery.pidbox'],
      ['a', 'celeryev.2b1f'],
      ['b', reply],
      ['b', 'amq.gen-1'],
    ],
    vhost: 'own',
    workers: [{ name: 'celery@gpu-0', queues: ['default', 'gpu'] }],
    why: 'an own worker is called as it calls itself, its labels are its queues; a client’s replies are no worker',
  },
  {
    seen: [['a', 'gpu']],
    vhost: 'own',
    workers: [{ name: 'celery@worker-1', queues: ['gpu'] }],
    why: 'an own worker without remote control is numbered',
  },
]
for (const { seen, vhost, workers, why } of cases) {
  test(why, () => {
    const consumers = seen.map(([connection, queue]) => ({ connection, queue }))
    expect(workersOf(consumers, vhost)).toEqual(workers)
  })
}
