import { AppError } from '../../base/errors.ts'
import { mailContract } from './contract-suite.ts'
import { createFakeMailServer } from './fake.ts'

const server = createFakeMailServer()
const failures = {
  accept: undefined,
  defer: new AppError('unavailable', 'mail-deferred', 'busy'),
  refuse: new AppError('invalid', 'mail-refused', 'no'),
  gone: new AppError('unavailable', 'mail-server-unreachable', 'gone'),
}
mailContract(() => ({
  server,
  received: () => server.received,
  behave: async (how) => server.failWith(failures[how]),
}))
