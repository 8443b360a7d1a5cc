import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFakeKubernetes, type FakeKubernetes } from '../adapters/kubernetes/fake.ts'
import { AppError } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/database.ts'
import { keepSampling, SAMPLE_MS, takeSample } from './sampler.ts'
import { listSamples, listTimes, thinSamples } from './store.ts'

const start = Date.parse('2026-11-24T08:00:00Z')
const minute = 60_000
const apiVersion = 'metrics.k8s.io/v1beta1'
const forever = Number.MAX_SAFE_INTEGER

/** On each of the two databases: an empty, migrated one for every test. */
export function samplerSuite(open: () => Promise<Db>, close: (db: Db) => Promise<void>): void {
  let db: Db
  let kubernetes: FakeKubernetes
  let time: number
  const clock: Clock = { now: () => time, sleep: async () => {} }

  const pod = (namespace: string, name: string, ...containers: { cpu: string; memory: string }[]) =>
    kubernetes.apply({
      apiVersion,
      kind: 'PodMetrics',
      metadata: { name, namespace },
      containers: containers.map((usage) => ({ usage })),
    })

  beforeEach(async () => {
    db = await open()
    kubernetes = createFakeKubernetes()
    time = start + 7_000
    for (const name of ['om-alice', 'omegaml-services'])
      await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    const usage = { cpu: '1500000000n', memory: '2097152Ki' }
    await kubernetes.apply({ apiVersion, kind: 'NodeMetrics', metadata: { name: 'n1' }, usage })
  })
  afterEach(async () => await close(db))

  test('nodes and accounts’ pods are noted at the half minute, the site’s own pods are not', async () => {
    await pod('om-alice', 'nb', { cpu: '250m', memory: '100Mi' }, { cpu: '1m', memory: '1Mi' })
    await pod('omegaml-services', 'mongodb-0', { cpu: '1', memory: '1Gi' })
    expect(await takeSample({ db, kubernetes, clock })).toBe(true)
    expect(await listSamples(db, 'nodes', 0, forever)).toEqual([{ at: start, usage: { n1: [1.5, 2_147_483_648] } }])
    expect(await listSamples(db, 'pods/om-alice', 0, forever)).toEqual([
      { at: start, usage: { nb: [0.251, 105_906_176] } },
    ])
    const scopes = await db.selectFrom('metric_samples').select('scope').orderBy('scope').execute()
    expect(scopes.map(({ scope }) => scope)).toEqual(['nodes', 'pods/om-alice'])
  })

  test('how full a disk is stands beside it, where a node tells it', async () => {
    const usage = { cpu: '1', memory: '1' }
    await kubernetes.apply({ apiVersion, kind: 'NodeMetrics', metadata: { name: 'n2' }, usage })
    // n3 has gone since it was asked.
    const disks = async () =>
      new Map([
        ['n1', 0.25],
        ['n3', 0.5],
      ])
    await takeSample({ db, kubernetes, clock, disks })
    expect(await listSamples(db, 'nodes', 0, forever)).toEqual([
      { at: start, usage: { n1: [1.5, 2_147_483_648, 0.25], n2: [1, 1] } },
    ])
  })

  test('the same half minute is noted once, whoever looks', async () => {
    const looks = await Promise.all([1, 2].map(() => takeSample({ db, kubernetes, clock })))
    expect(looks.filter(Boolean)).toHaveLength(1)
    time = start + SAMPLE_MS - 1
    expect(await takeSample({ db, kubernetes, clock })).toBe(false)
    time = start + SAMPLE_MS
    expect(await takeSample({ db, kubernetes, clock })).toBe(true)
    expect(await listTimes(db, 0, forever)).toEqual([start, start + SAMPLE_MS])
  })

  test('a day is kept: two hours finely, then one point in five minutes', async () => {
    const hour = 60 * minute
    const rows = Array.from({ length: (30 * hour) / SAMPLE_MS + 1 }, (_row, index) => ({
      at: start - index * SAMPLE_MS,
      scope: 'nodes',
      used: '{}',
    }))
    await db.insertInto('metric_samples').values(rows).execute()
    await thinSamples(db, start)
    const times = await listTimes(db, 0, forever)
    const fine = times.filter((at) => at >= start - 2 * hour)
    expect(fine).toHaveLength((2 * hour) / SAMPLE_MS + 1)
    expect(times.length - fine.length).toBe(22 * 12)
    expect(times[0]).toBe(start - 24 * hour)
  })

  test('a site without metrics-server says so once, and goes on when it comes', async () => {
    const said: string[] = []
    const log = { info: (text: string) => void said.push(text), warn: (text: string) => void said.push(text) }
    const stopping = new AbortController()
    const looks: (() => void)[] = [
      () => kubernetes.failWith(new AppError('invalid', 'kubernetes-kind-unknown', 'no such kind')),
      () => {},
      () => kubernetes.failWith(undefined),
      () => stopping.abort(),
    ]
    looks.shift()?.()
    const ticking: Clock = {
      now: () => time,
      sleep: async (ms) => {
        time += ms
        looks.shift()?.()
      },
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a log of two words
    await keepSampling({ db, kubernetes, clock: ticking, log: log as never, signal: stopping.signal })
    expect(said).toEqual(['no metrics', 'metrics are there again'])
    expect(await listTimes(db, 0, forever)).toEqual([start + 2 * SAMPLE_MS])
  })
}
