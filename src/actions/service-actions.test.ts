import { expect, test } from 'vitest'
import { type ServiceParts, serviceActionNames, serviceActions } from './service-actions.ts'

test('the names that plans are checked against are those of the actions', () => {
  // Making an action touches nothing outside.
  expect(serviceActions({ roots: {} } as ServiceParts).map(({ name }) => name)).toEqual(serviceActionNames)
})
