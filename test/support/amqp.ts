import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface AmqpLogin {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly vhost: string
}

/** Takes messages from queues that exist, as a worker would, by one connection; answers how to end it. */
export async function consumeFrom(login: AmqpLogin, queues: readonly string[]): Promise<() => Promise<void>> {
  const { socket, answer, end } = await openChannel(login)
  for (const queue of queues) {
    send(socket, 1, 60, 20, [numbers(2, 0), short(queue), short(''), numbers(1, 0), empty])
    await answer(60, 21)
  }
  return end
}

/** Signs in and opens a channel; rejects when the broker refuses. */
export async function signIn(login: AmqpLogin): Promise<void> {
  const { end } = await openChannel(login)
  await end()
}

/** Declares a durable queue and sends a message to it, as the omega-ml client does; rejects when the broker refuses either. */
export async function sendTo(login: AmqpLogin, queue: string, text = 'a task'): Promise<void> {
  const { socket, answer, end } = await openChannel(login)
  try {
    send(socket, 1, 50, 10, [numbers(2, 0), short(queue), numbers(1, 2), empty])
    await answer(50, 11)
    await publish(socket, answer, queue, text)
  } finally {
    await end()
  }
}

/** As `sendTo`, to a queue that must be there already. */
export async function sendToExisting(login: AmqpLogin, queue: string, text = 'a task'): Promise<void> {
  const { socket, answer, end } = await openChannel(login)
  try {
    await publish(socket, answer, queue, text)
  } finally {
    await end()
  }
}

type Answer = (group: number, method: number) => Promise<void>

async function publish(socket: Socket, answer: Answer, queue: string, text: string): Promise<void> {
  // Confirmed: a refused message would be told by nothing else.
  send(socket, 1, 85, 10, [numbers(1, 0)])
  await answer(85, 11)
  send(socket, 1, 60, 40, [numbers(2, 0), short(''), short(queue), numbers(1, 0)])
  const body = Buffer.from(text)
  frame(
    socket,
    2,
    1,
    Buffer.concat([numbers(2, 60), numbers(2, 0), numbers(4, 0), numbers(4, body.length), numbers(2, 0)]),
  )
  frame(socket, 3, 1, body)
  await answer(60, 80)
}

/** A connection with its channel 1 open. Just enough of AMQP 0-9-1. */
async function openChannel(login: AmqpLogin) {
  const socket = connect(login.port, login.host)
  await once(socket, 'connect')
  const answer = methodsOf(socket)
  const end = async () => {
    socket.destroy()
    if (!socket.closed) await once(socket, 'close')
  }
  try {
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
    await answer(10, 10)
    send(socket, 0, 10, 11, [empty, short('PLAIN'), long(`\0${login.user}\0${login.password}`), short('en_US')])
    await answer(10, 30)
    send(socket, 0, 10, 31, [numbers(2, 2047), numbers(4, 131_072), numbers(2, 0)])
    send(socket, 0, 10, 40, [short(login.vhost), short(''), numbers(1, 0)])
    await answer(10, 41)
    send(socket, 1, 20, 10, [short('')])
    await answer(20, 11)
    return { socket, answer, end }
  } catch (error) {
    await end()
    throw error
  }
}

/** Waits for the next method, which must be the expected one. */
function methodsOf(socket: Socket): (group: number, method: number) => Promise<void> {
  let left = Buffer.alloc(0)
  const frames = socket.iterator({ destroyOnReturn: false })
  return async (group, method) => {
    for (;;) {
      const size = left.length < 7 ? undefined : left.readUInt32BE(3) + 8
      if (size !== undefined && left.length >= size) {
        const got = `${left.readUInt16BE(7)}.${left.readUInt16BE(9)}`
        const text = left.toString('latin1', 11, size - 1)
        left = left.subarray(size)
        if (got === `${group}.${method}`) return
        throw new Error(`the broker sent method ${got} instead of ${group}.${method}: ${text}`)
      }
      const { value, done } = await frames.next()
      if (done === true) throw new Error(`the broker closed the connection before method ${group}.${method}`)
      left = Buffer.concat([left, value as Buffer])
    }
  }
}

function send(socket: Socket, channel: number, group: number, method: number, parts: readonly Buffer[]): void {
  frame(socket, 1, channel, Buffer.concat([numbers(2, group), numbers(2, method), ...parts]))
}

function frame(socket: Socket, type: number, channel: number, payload: Buffer): void {
  const head = Buffer.concat([numbers(1, type), numbers(2, channel), numbers(4, payload.length)])
  socket.write(Buffer.concat([head, payload, numbers(1, 0xce)]))
}

function numbers(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(value, 0, bytes)
  return buffer
}

function short(text: string): Buffer {
  return Buffer.concat([numbers(1, Buffer.byteLength(text)), Buffer.from(text)])
}

function long(text: string): Buffer {
  return Buffer.concat([numbers(4, Buffer.byteLength(text)), Buffer.from(text)])
}

/** A table without entries. */
const empty = numbers(4, 0)
