import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFakeMailServer, type FakeMailServer } from '../adapters/mail/fake.ts'
import { AppError } from '../base/errors.ts'
import { parseKeyRing } from '../base/key-ring.ts'
import { silentLog } from '../base/log.ts'
import { type Db, openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { confirmMail } from './mail.ts'
import { Outbox } from './outbox.ts'
import { MailSender, pauseMs } from './sender.ts'
import { listMails, sweepMails } from './store.ts'

let db: Db
let server: FakeMailServer
const time = { now: 0 }
const clock = { now: () => time.now, sleep: async () => {} }
const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
const site = { title: 'omega|ml', publicUrl: 'http://hub.omega.localhost:8080/' }
const mail = confirmMail(site, { to: 'alice@example.org', name: 'alice', token: 'tokenOfTheTest' })

const outbox = (delivers = true) => new Outbox({ keys, clock, delivers })
const sender = () => new MailSender({ db, outbox: outbox(), server, clock, log: silentLog, domain: 'omega.localhost' })
const rows = async () => await listMails(db, { limit: 10 })

beforeEach(async () => {
  db = openDatabase('sqlite::memory:')
  await migrate(db)
  server = createFakeMailServer()
  time.now = Date.parse('2026-11-24T08:00:00Z')
})
afterEach(async () => await db.destroy())

test('a mail is sent once, with its link and token', async () => {
  await outbox().put(db, mail)
  await sender().sendDue()
  await sender().sendDue()
  expect(server.received).toHaveLength(1)
  expect(server.received[0]).toMatchObject({
    to: 'alice@example.org',
    subject: 'omega|ml: Confirm your e-mail address',
  })
  expect(server.received[0]?.text).toMatch(
    /go to http:\/\/hub\.omega\.localhost:8080\/accounts\/confirm\?token=tokenOfTheTest$/m,
  )
  expect(await rows()).toMatchObject([{ status: 'sent', sent_at: time.now, attempts: 1, message: null }])
})

test('neither link nor token lies in the row', async () => {
  await outbox().put(db, mail)
  expect(JSON.stringify(await rows())).not.toContain('tokenOfTheTest')
})

test('two senders send a mail once', async () => {
  for (let n = 0; n < 5; n += 1) await outbox().put(db, mail)
  await Promise.all([sender().sendDue(), sender().sendDue()])
  expect(server.received).toHaveLength(5)
})

test('without a mail server mails are read in the list, and never sent', async () => {
  await outbox(false).put(db, mail)
  await sender().sendDue()
  expect(server.received).toEqual([])
  const [row] = await rows()
  expect(outbox().show(row as never)).toMatchObject({ status: 'listed', to: 'alice@example.org', text: mail.text })
})

test('a server that is away is asked again later, with growing pauses, the same mail each time', async () => {
  await outbox().put(db, mail)
  server.failWith(new AppError('unavailable', 'mail-server-unreachable', 'away'))
  await sender().sendDue()
  expect(await rows()).toMatchObject([{ status: 'waiting', attempts: 1, message: 'away', due_at: time.now + 30_000 }])
  server.failWith(undefined)
  await sender().sendDue()
  expect(server.received).toEqual([])
  time.now += 30_000
  await sender().sendDue()
  expect(server.received).toHaveLength(1)
  expect(await rows()).toMatchObject([{ status: 'sent', attempts: 2, message: null }])
})

test('what a server refuses is not tried again; neither is what half a day did not help', async () => {
  await outbox().put(db, mail)
  server.failWith(new AppError('invalid', 'mail-refused', 'no such mailbox'))
  await sender().sendDue()
  expect(await rows()).toMatchObject([{ status: 'failed', message: 'no such mailbox' }])

  await outbox().put(db, mail)
  server.failWith(new AppError('unavailable', 'mail-server-unreachable', 'away'))
  for (let n = 0; n < 30; n += 1) {
    await sender().sendDue()
    time.now += 3_600_000
  }
  expect(await rows()).toMatchObject([{ status: 'failed', attempts: 18 }, { status: 'failed' }])
})

test('a mail that a killed sender had claimed is sent by the next', async () => {
  await outbox().put(db, mail)
  const killed = createFakeMailServer()
  killed.send = async () => await new Promise(() => {})
  const dead = new MailSender({ db, outbox: outbox(), server: killed, clock, log: silentLog, domain: 'd' })
  void dead.sendDue()
  await expect.poll(async () => (await rows())[0]?.attempts).toBe(1)
  await sender().sendDue()
  expect(server.received).toEqual([])
  time.now += 300_000
  await sender().sendDue()
  expect(server.received).toHaveLength(1)
})

test('old mails are swept, what waits is not', async () => {
  await outbox(false).put(db, mail)
  await outbox().put(db, mail)
  time.now += 1
  await outbox(false).put(db, mail)
  await sweepMails(db, time.now)
  expect((await rows()).map((row) => row.status)).toEqual(['listed', 'waiting'])
})

test('pauses double, to an hour', () => {
  expect([1, 2, 3, 20].map(pauseMs)).toEqual([30_000, 60_000, 120_000, 3_600_000])
})

test('started, it sends what it is woken for, and stops', async () => {
  const real = { now: () => Date.now(), sleep: (_ms: number, signal?: AbortSignal) => untilAborted(signal) }
  const running = new MailSender({ db, outbox: outbox(), server, clock: real, log: silentLog, domain: 'd' })
  running.start()
  await new Outbox({ keys, clock: real, delivers: true }).put(db, mail)
  await expect.poll(() => (running.wake(), server.received.length)).toBe(1)
  await running.stop()
})

async function untilAborted(signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return
  await new Promise((done) => signal?.addEventListener('abort', done, { once: true }))
}
