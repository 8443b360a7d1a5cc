import { expect, test } from 'vitest'
import { type Found, orphansOf } from './orphans.ts'
import { keyOf } from './thing-key.ts'

const user: Found = { system: 'mongodb', kind: 'user', name: 'u', account: 'alice', sure: true, detail: '' }
const database: Found = { system: 'mongodb', kind: 'database', name: 'd', sure: false, detail: '' }
const namespace: Found = { system: 'kubernetes', kind: 'v1/Namespace', name: 'om-alice', sure: true, detail: '' }
const within = keyOf(namespace)
const release: Found = { system: 'helm', kind: 'release', name: 'om-alice/r', sure: true, detail: '', within }

const root: Found = { system: 'terraform', kind: 'root', name: 'nodepool-alice-gpu', sure: true, detail: '' }
const partOf = keyOf(root)
const node: Found = { system: 'kubernetes', kind: 'v1/Node', name: 'alice-gpu-1', sure: false, detail: '', partOf }

const volume: Found = { ...root, name: 'volume-alice-data-1', holdsData: true }
const claim: Found = {
  ...namespace,
  kind: 'v1/PersistentVolumeClaim',
  name: 'om-alice/data',
  holdsData: true,
  within,
}
const nothing = { keys: new Set<string>(), untold: new Set<string>() }

const cases: { found: Found[]; owned?: Partial<typeof nothing>; orphans: Found[]; why: string }[] = [
  { found: [user], orphans: [user], why: 'what no row has is an orphan' },
  { found: [user], owned: { keys: new Set([keyOf(user)]) }, orphans: [], why: 'what a row has is none' },
  {
    found: [user, database],
    owned: { untold: new Set(['alice']) },
    orphans: [database],
    why: 'of an account that could not be told nothing is judged',
  },
  {
    found: [{ ...user, takes: [keyOf(database)] }, database],
    orphans: [{ ...user, takes: [keyOf(database)] }],
    why: 'a database goes with its user',
  },
  {
    found: [{ ...release, account: undefined, within: undefined }],
    owned: { untold: new Set(['alice']) },
    orphans: [expect.objectContaining({ name: release.name, sure: false })],
    why: 'what tells no account may be of one that could not be told',
  },
  { found: [namespace, release], orphans: [namespace], why: 'a namespace takes along what lies in it' },
  {
    found: [namespace, release],
    owned: { keys: new Set([within]) },
    orphans: [release],
    why: 'in a namespace that stays, a release is an orphan of its own',
  },
  {
    found: [node],
    owned: { keys: new Set([partOf]) },
    orphans: [],
    why: 'a node of a pool that somebody has is theirs',
  },
  { found: [root, node], orphans: [root], why: 'a node goes with its pool' },
  {
    found: [volume, { ...claim, partOf: keyOf(volume) }],
    orphans: [volume],
    why: 'a claim goes with the volume behind it, which is kept until it is asked for',
  },
  {
    found: [namespace, claim],
    orphans: [namespace],
    why: 'a namespace takes its claims along',
  },
  { found: [node], orphans: [node], why: 'a node whose pool nobody knows is an orphan' },
  {
    found: [{ ...namespace, sure: false }, release],
    orphans: [{ ...namespace, sure: false }, release],
    why: 'a namespace that may not be taken away takes nothing along',
  },
]

for (const { found, owned, orphans, why } of cases) {
  test(why, () => expect(orphansOf(found, { ...nothing, ...owned })).toEqual(orphans))
}
