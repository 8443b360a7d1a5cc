export interface BrokerAccess {
  /** `amqp://user:password@host:port/vhost`, all of letters and digits: nothing is decoded. */
  readonly url: string
  readonly tls: boolean
}

export interface Message {
  readonly body: Buffer
  readonly contentType: string
  readonly contentEncoding: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly correlationId: string
  /** Nobody gets it later than this. */
  readonly expiresMs: number
}

/**
 * A message broker as one of its users.
 *
 * Errors: `unavailable/broker-unreachable`, `forbidden/broker-forbidden` (sign-in, or no right on vhost or queue).
 */
export interface Amqp {
  /** Makes the queue when it is missing, as clients do (durable), and resolves when the broker has the message. */
  send(access: BrokerAccess, queue: string, message: Message): Promise<void>
}
