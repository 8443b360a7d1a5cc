import { expect, test } from 'vitest'
import { quantity } from './quantity.ts'

const cases: { text: unknown; value: number; why: string }[] = [
  { text: '4', value: 4, why: 'cores of a machine' },
  { text: '3920m', value: 3.92, why: 'thousandths' },
  { text: '123456789n', value: 0.123456789, why: 'what metrics-server says of a pod' },
  { text: '8170000Ki', value: 8_366_080_000, why: 'memory of a machine' },
  { text: '1Gi', value: 1_073_741_824, why: 'powers of two' },
  { text: '1G', value: 1e9, why: 'powers of ten' },
  { text: '2E', value: 2e18, why: 'E alone is a unit' },
  { text: '1e3', value: 1000, why: 'E with a number is an exponent' },
  { text: 4, value: 4, why: 'a number that lost its quotes' },
  { text: undefined, value: 0, why: 'nothing said' },
  { text: '12x', value: 0, why: 'no unit of Kubernetes’' },
  { text: 'lots', value: 0, why: 'no number' },
]
for (const { text, value, why } of cases) {
  test(why, () => expect(quantity(text)).toBeCloseTo(value, 9))
}
