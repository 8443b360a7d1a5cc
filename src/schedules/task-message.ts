import type { Message } from '../adapters/amqp/port.ts'

export interface Task {
  readonly name: string
  readonly id: string
  /** Whose task it is: user id, API key, qualifier. */
  readonly auth: readonly [userid: string, apikey: string, qualifier: string]
  readonly expiresMs: number
}

/**
 * A task of an omega|ml client as celery sends it (protocol 2), without anybody waiting for its result. Pickled, because
 * the worker takes a token that came as JSON for a list and refuses it.
 */
export function taskMessage({ name, id, auth, expiresMs }: Task): Message {
  const kwargs = { __auth: tuple(...auth.map(text)), __bucket: NONE, pure_python: FALSE }
  const embed = { callbacks: NONE, errbacks: NONE, chain: NONE, chord: NONE }
  const headers = {
    lang: 'py',
    task: name,
    id,
    root_id: id,
    parent_id: null,
    group: null,
    // What workers write into their logs: no key.
    argsrepr: '()',
    kwargsrepr: '{}',
    origin: 'cloudmgr',
    retries: 0,
    timelimit: [null, null],
    eta: null,
    expires: null,
    shadow: null,
    ignore_result: true,
  }
  return {
    body: Buffer.concat([PROTOCOL, tuple(tuple(), dict(kwargs), dict(embed)), STOP]),
    contentType: 'application/x-python-serialize',
    contentEncoding: 'binary',
    headers,
    correlationId: id,
    expiresMs,
  }
}

/** Pickle, protocol 2: as much of it as such a message needs. */
const PROTOCOL = Buffer.from([0x80, 2])
const STOP = Buffer.from('.')
const NONE = Buffer.from('N')
const FALSE = Buffer.from([0x89])
const MARK = Buffer.from('(')

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([Buffer.from('X'), length, bytes])
}

function tuple(...items: readonly Buffer[]): Buffer {
  return Buffer.concat([MARK, ...items, Buffer.from('t')])
}

function dict(entries: Readonly<Record<string, Buffer>>): Buffer {
  const items = Object.entries(entries).flatMap(([name, value]) => [text(name), value])
  return Buffer.concat([Buffer.from('}'), MARK, ...items, Buffer.from('u')])
}
