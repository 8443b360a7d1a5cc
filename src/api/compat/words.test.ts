import { expect, test } from 'vitest'
import { secondsOf, timeOf } from './words.ts'

const durations: { text: string | undefined; seconds: number }[] = [
  { text: undefined, seconds: 300 },
  { text: '', seconds: 300 },
  { text: 'None', seconds: 300 },
  { text: '5m', seconds: 300 },
  { text: '30s', seconds: 30 },
  { text: '2h', seconds: 7200 },
  { text: '1d', seconds: 86_400 },
  { text: '90', seconds: 90 },
  { text: '1.5m', seconds: 90 },
]
for (const { text, seconds } of durations) {
  test(`${String(text)} is ${seconds} s`, () => expect(secondsOf('since', text, 300)).toBe(seconds))
}

for (const text of ['0', '5x', '-5m', 'm', '5m5s', 'yesterday', '1e9', '0.5s']) {
  test(`${text} is no duration`, () => {
    const details = { field: 'since', value: text }
    expect(() => secondsOf('since', text, 300)).toThrow(
      expect.objectContaining({ kind: 'invalid', details: expect.objectContaining(details) }),
    )
  })
}

const times: { text: string; iso: string; why: string }[] = [
  { text: '2026-11-23 00:57:32.777543+00:00', iso: '2026-11-23T00:57:32.777Z', why: 'how the client sends start' },
  {
    text: '2026-11-23 00:57:32.777543',
    iso: '2026-11-23T00:57:32.777Z',
    why: 'how it sends end: UTC without saying so',
  },
  {
    text: '2026-11-23 00:57:32.777543 00:00',
    iso: '2026-11-23T00:57:32.777Z',
    why: 'a plus sign that was not encoded',
  },
  { text: '2026-11-23T02:57:32+02:00', iso: '2026-11-23T00:57:32.000Z', why: 'an offset' },
  { text: '2026-11-22 19:57-0500', iso: '2026-11-23T00:57:00.000Z', why: 'an offset without a colon' },
  { text: '2026-11-23T00:57:32Z', iso: '2026-11-23T00:57:32.000Z', why: 'ISO' },
  { text: '2026-11-23', iso: '2026-11-23T00:00:00.000Z', why: 'a day' },
  { text: '1795395452.5', iso: '2026-11-23T00:57:32.500Z', why: 'seconds since 1970, as Prometheus takes them' },
]
for (const { text, iso, why } of times) {
  test(why, () => expect(new Date(timeOf('start', text) ?? 0).toISOString()).toBe(iso))
}

for (const text of ['now', '2026-13-01', '2026-11-23 25:00', '23.11.2026', '{}']) {
  test(`${text} is no time`, () => {
    expect(() => timeOf('start', text)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'query-invalid' }))
  })
}
