import { AppError } from '../../base/errors.ts'
import type { Amqp, Message } from './port.ts'

export interface FakeAmqp extends Amqp {
  readonly sent: { readonly url: string; readonly queue: string; readonly message: Message }[]
  /** Whoever comes with this URL is refused. */
  refuse(url: string): void
}

/** Remembers what was sent. */
export function createFakeAmqp(): FakeAmqp {
  const sent: FakeAmqp['sent'] = []
  const refused = new Set<string>()
  return {
    sent,
    refuse: (url) => void refused.add(url),
    send: async ({ url }, queue, message) => {
      if (refused.has(url)) throw new AppError('forbidden', 'broker-forbidden', `sending to the queue ${queue}`)
      sent.push({ url, queue, message })
    },
  }
}
