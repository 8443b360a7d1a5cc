import { expect, test } from 'vitest'
import { AppError } from './errors.ts'
import { checkAll, fieldErrorsOf } from './field-errors.ts'

const wrong = (field: string) => () => {
  throw new AppError('invalid', `${field}-invalid`, 'no', { details: { field, value: 1, right: 'two' } })
}

test('one mistake keeps its own code', () => {
  expect(() => checkAll(wrong('name'), () => 'fine')).toThrow(expect.objectContaining({ code: 'name-invalid' }))
})

test('several mistakes are told together', () => {
  const errors = [
    { field: 'name', value: 1, problem: 'right is two' },
    { field: 'email', value: 1, problem: 'right is two' },
  ]
  expect(() => checkAll(wrong('name'), wrong('email'))).toThrow(
    expect.objectContaining({ kind: 'invalid', code: 'request-invalid', details: { errors } }),
  )
})

test('what is no mistake of a field is not swallowed', () => {
  const bug = () => {
    throw new Error('bug')
  }
  expect(() => checkAll(wrong('name'), bug)).toThrow('bug')
})

test('an error about no field names none', () => {
  expect(fieldErrorsOf({ newer: 4 })).toEqual([])
  expect(fieldErrorsOf(undefined)).toEqual([])
})
