import { expect, test } from 'vitest'
import { serviceActionNames, serviceActions, type ServiceParts } from './service-actions.ts'

test('the names that plans are checked against are those of the actions', () => {
  // Making an action touches nothing outside.
  expect(serviceActions({ nodepool: {} } as ServiceParts).map(({ name }) => name)).toEqual(serviceActionNames)
})
