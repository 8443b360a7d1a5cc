import { expect, test } from 'vitest'
import { type ServiceParts, serviceActionNames, serviceActions } from './service-actions.ts'

// Making an action touches nothing outside.
const all = serviceActions({ roots: {}, clusters: {} } as ServiceParts)

test('what leaves something outside says what, so that it is known as somebody’s', () => {
  // What these do is data of others, or over when they end.
  const none = ['mongodb-copy', 'jupyterhub-servers', 'wait-for', 'run-script']
  expect(all.filter(({ things }) => things === undefined).map(({ name }) => name)).toEqual(none)
})

test('the names that plans are checked against are those of the actions', () => {
  expect(all.map(({ name }) => name)).toEqual(serviceActionNames)
})
