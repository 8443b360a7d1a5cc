import { expect, test } from 'vitest'
import { AppError } from '../base/errors.ts'
import { errorText } from './exit.ts'

test('who finds nobody is told where to look; a program gets the message alone', () => {
  const error = new AppError('unavailable', 'no-answer', 'nobody answers at 127.0.0.1:8080 (GET /api/v2/commands)')
  expect(errorText(error, false)).toMatch(/^cloudmgr: nobody answers .*\n {2}.*\.\/cloudmgr status/)
  expect(JSON.parse(errorText(error, true))).toMatchObject({ error: { code: 'no-answer', message: error.message } })
})

test('an error that says what to do gets nothing added', () => {
  const error = new AppError('conflict', 'port-in-use', 'port 8080 is in use: choose another')
  expect(errorText(error, false)).toBe('cloudmgr: port 8080 is in use: choose another')
})
