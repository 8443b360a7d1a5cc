import { expect, test } from 'vitest'
import type { Amqp, BrokerAccess, Message } from './port.ts'

export interface AmqpParts {
  readonly amqp: Amqp
  readonly access: BrokerAccess
  /** Not let in. */
  readonly stranger: BrokerAccess
  /** Texts of the messages that lie in a queue. */
  readonly lying: (queue: string) => Promise<readonly string[]>
}

export const messageOf = (text: string): Message => ({
  body: Buffer.from(text),
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  headers: { kind: 'test' },
  correlationId: text,
  expiresMs: 60_000,
})

/** What every broker keeps. */
export function amqpContract(parts: () => AmqpParts): void {
  test('what is sent lies in its queue, which is made when it is missing', async () => {
    const { amqp, access, lying } = parts()
    await amqp.send(access, 'fresh', messageOf('one'))
    await amqp.send(access, 'fresh', messageOf('two'))
    expect(await lying('fresh')).toEqual(['one', 'two'])
  })

  test('a stranger is forbidden', async () => {
    const { amqp, stranger } = parts()
    const sending = amqp.send(stranger, 'fresh', messageOf('three'))
    await expect(sending).rejects.toMatchObject({ kind: 'forbidden', code: 'broker-forbidden' })
  })
}
