import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

const plans = ['cluster', 'jupyter', 'nodepool', 'omegaml', 'registry', 'runtime', 'storage', 'worker']
const cases: { word: string; near: string[]; why: string }[] = [
  { word: 'runtme', near: ['runtime'], why: 'a letter was left out' },
  { word: 'wroker', near: ['worker'], why: 'two letters were swapped' },
  { word: 'jupiter', near: ['jupyter'], why: 'a letter is another' },
  { word: 'node', near: ['nodepool'], why: 'the beginning was typed' },
  { word: 'database', near: [], why: 'nothing is near' },
  { word: '', near: [], why: 'nothing was typed' },
]
for (const { word, near, why } of cases) test(why, () => expect(nearest(word, plans)).toEqual(near))

test('the nearest comes first, three at most', () => {
  expect(nearest('alice', ['alicia', 'alise', 'alicee', 'alic', 'bobby'])).toEqual(['alic', 'alicee', 'alise'])
})
