import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mailContract } from './contract-suite.ts'
import { createSmtp } from './smtp.ts'

/** A server of the test's own on the loopback. */
const received: { to: string; subject: string; text: string; messageId: string }[] = []
let answer = 250
let port = 0
let gone = false
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  allowInsecureAuth: true,
  logger: false,
  onAuth: ({ username, password }, _session, done) =>
    username === 'hub' && password === 'right' ? done(null, { user: 'hub' }) : done(new Error('no')),
  onRcptTo: (_address, _session, done) => {
    if (answer === 250) return done()
    done(Object.assign(new Error('as told'), { responseCode: answer }))
  },
  onData: (stream, session, done) => {
    void take(stream, session.envelope.rcptTo[0]?.address ?? '', done)
  },
})

async function take(stream: Readable, to: string, done: () => void): Promise<void> {
  received.push(parse(await text(stream), to))
  done()
}

beforeAll(async () => {
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  port = (listening.address() as AddressInfo).port
})
afterAll(async () => await new Promise<void>((done) => server.close(done)))

const options = (more = {}) =>
  ({ host: '127.0.0.1', port, security: 'none', from: 'hub@example.org', ...more }) as const

mailContract(() => ({
  server: createSmtp(gone ? options({ port: 1 }) : options()),
  received: () => received,
  behave: async (how) => {
    gone = how === 'gone'
    answer = { accept: 250, gone: 250, defer: 451, refuse: 550 }[how]
  },
}))

test('a wrong password is told as such, and not in the message', async () => {
  const smtp = createSmtp(options({ user: 'hub', password: 'wrongWord' }))
  const mail = { to: 'a@example.org', subject: 's', text: 't', messageId: '<1@example.org>' }
  const error = await smtp.send(mail).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ kind: 'forbidden', code: 'mail-sign-in-refused' })
  expect(String(error)).not.toContain('wrongWord')
  answer = 250
  await createSmtp(options({ user: 'hub', password: 'right' })).send(mail)
})

test('TLS that was demanded is not skipped when the server has none', async () => {
  const before = received.length
  const mail = { to: 'a@example.org', subject: 's', text: 't', messageId: '<1@example.org>' }
  await expect(createSmtp(options({ security: 'starttls' })).send(mail)).rejects.toMatchObject({
    kind: expect.any(String),
  })
  expect(received).toHaveLength(before)
})

/** As much of a mail as we write. */
function parse(raw: string, to: string) {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const header = (name: string) =>
    new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'im').exec(head)?.[1]?.replaceAll('\r\n', '') ?? ''
  const body = rest.join('\r\n\r\n')
  const encoding = header('Content-Transfer-Encoding')
  const plain = encoding === 'quoted-printable' ? quoted(body.replaceAll('=\r\n', '')) : body
  const subject = header('Subject').replace(/=\?UTF-8\?Q\?(.*?)\?=/gi, (_, word: string) =>
    quoted(word.replaceAll('_', ' ')),
  )
  return { to, subject, text: plain.replaceAll('\r\n', '\n'), messageId: header('Message-ID') }
}

function quoted(word: string): string {
  const bytes = word.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
