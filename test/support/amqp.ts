import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface AmqpLogin {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly vhost: string
}

/** Takes messages from queues that exist, as a worker would, by one connection; answers how to end it. Just enough of AMQP 0-9-1. */
export async function consumeFrom(login: AmqpLogin, queues: readonly string[]): Promise<() => Promise<void>> {
  const socket = connect(login.port, login.host)
  await once(socket, 'connect')
  const answer = methodsOf(socket)
  socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
  await answer(10, 10)
  send(socket, 0, 10, 11, [empty, short('PLAIN'), long(`\0${login.user}\0${login.password}`), short('en_US')])
  await answer(10, 30)
  send(socket, 0, 10, 31, [numbers(2, 2047), numbers(4, 131_072), numbers(2, 0)])
  send(socket, 0, 10, 40, [short(login.vhost), short(''), numbers(1, 0)])
  await answer(10, 41)
  send(socket, 1, 20, 10, [short('')])
  await answer(20, 11)
  for (const queue of queues) {
    send(socket, 1, 60, 20, [numbers(2, 0), short(queue), short(''), numbers(1, 0), empty])
    await answer(60, 21)
  }
  return async () => {
    socket.destroy()
    if (!socket.closed) await once(socket, 'close')
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
  const payload = Buffer.concat([numbers(2, group), numbers(2, method), ...parts])
  const head = Buffer.concat([numbers(1, 1), numbers(2, channel), numbers(4, payload.length)])
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
