import { type ChannelModel, connect } from 'amqplib'
import { AppError } from '../../base/errors.ts'
import type { Amqp, BrokerAccess } from './port.ts'

const TIMEOUT_MS = 10_000

/** The real one: one connection for each message. */
export function createAmqp(): Amqp {
  return {
    send: async (access, queue, { body, headers, expiresMs, ...properties }) => {
      const attempted = `sending to the queue ${queue}`
      const connection = await open(access, attempted)
      try {
        const channel = await connection.createConfirmChannel()
        // An error is told by the call that met it, too; without a listener it would end the process.
        channel.on('error', () => undefined)
        await channel.assertQueue(queue, { durable: true })
        const options = { ...properties, headers: { ...headers }, expiration: expiresMs, persistent: true }
        channel.publish('', queue, body, options)
        await channel.waitForConfirms()
      } catch (cause) {
        throw errorOf(attempted, cause)
      } finally {
        // What was sent is sent; a connection that is gone already is closed enough.
        await connection.close().catch(() => undefined)
      }
    },
  }
}

async function open({ url, tls }: BrokerAccess, attempted: string): Promise<ChannelModel> {
  try {
    const connection = await connect(tls ? url.replace(/^amqp:/, 'amqps:') : url, { timeout: TIMEOUT_MS })
    connection.on('error', () => undefined)
    return connection
  } catch (cause) {
    throw errorOf(attempted, cause)
  }
}

/** The driver's errors hold the address, but no password. */
function errorOf(attempted: string, cause: unknown): AppError {
  const isRefused = /ACCESS[_-]REFUSED|NOT[_-]ALLOWED|403/.test(String(cause))
  return isRefused
    ? new AppError('forbidden', 'broker-forbidden', attempted, { cause })
    : new AppError('unavailable', 'broker-unreachable', attempted, { cause })
}
