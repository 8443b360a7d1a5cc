import type { AppError } from '../../base/errors.ts'
import type { MailServer, OutgoingMail } from './port.ts'

export interface FakeMailServer extends MailServer {
  readonly received: OutgoingMail[]
  /** From now on every mail ends so; `undefined`: all is well again. */
  failWith(error: AppError | undefined): void
}

export function createFakeMailServer(): FakeMailServer {
  const received: OutgoingMail[] = []
  let failure: AppError | undefined
  return {
    received,
    failWith: (error) => {
      failure = error
    },
    send: async (mail) => {
      if (failure !== undefined) throw failure
      received.push(mail)
    },
  }
}
