import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { createLog } from '../base/log.ts'
import { errorHandler, STREAM_MS } from './answers.ts'

test('a handler that hangs is answered for; streams may take as long as they last', async () => {
  const app = Fastify({ handlerTimeout: 50 })
  app.setErrorHandler(errorHandler(createLog('test')))
  const answered = Promise.withResolvers<string>()
  app.get('/api/v2/hangs', () => new Promise(() => {}))
  app.get('/api/v2/streams', { handlerTimeout: STREAM_MS }, () => answered.promise)
  const stream = app.inject('/api/v2/streams')
  const hanging = await app.inject('/api/v2/hangs')
  expect(hanging.statusCode).toBe(503)
  expect(hanging.json()).toMatchObject({ code: 'no-answer', kind: 'unavailable' })
  answered.resolve('the end')
  expect((await stream).body).toBe('the end')
  await app.close()
})
