import type { MailServer } from '../adapters/mail/port.ts'
import type { Clock } from '../base/clock.ts'
import { explain, kindOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Db } from '../db/database.ts'
import type { Outbox } from './outbox.ts'
import * as store from './store.ts'

/** How long a claimed mail is safe from other senders; longer than any conversation with a server. */
const CLAIM_MS = 300_000
const FIRST_PAUSE_MS = 30_000
const LONGEST_PAUSE_MS = 3_600_000
/** About half a day of trying. */
const MOST_ATTEMPTS = 18
/** The net under the wake-ups. */
const POLL_MS = 30_000

export interface SenderDeps {
  readonly db: Db
  readonly outbox: Outbox
  readonly server: MailServer
  readonly clock: Clock
  readonly log: Log
  /** Right of the @ in message ids. */
  readonly domain: string
}

/** Sends what lies in the outbox, in order of need; several may run, each mail is sent by one. */
export class MailSender {
  private readonly deps: SenderDeps
  private readonly stopping = new AbortController()
  private wakeUp = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(deps: SenderDeps) {
    this.deps = deps
  }

  start(): void {
    this.running = this.run()
  }

  /** There may be something to send. */
  wake(): void {
    this.wakeUp.abort()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async run(): Promise<void> {
    const { clock, log } = this.deps
    while (!this.stopping.signal.aborted) {
      this.wakeUp = new AbortController()
      try {
        await this.sendDue()
      } catch (error) {
        log.warn('outbox could not be read', { reason: explain(error) })
      }
      const either = AbortSignal.any([this.stopping.signal, this.wakeUp.signal])
      await clock.sleep(POLL_MS, either).catch(() => {}) // Woken or stopped: the loop looks at once.
    }
  }

  /** One round. */
  async sendDue(): Promise<void> {
    const { db, clock } = this.deps
    for (const mail of await store.dueMails(db, clock.now(), 50)) {
      if (this.stopping.signal.aborted) return
      if (await store.claimMail(db, mail, clock.now() + CLAIM_MS)) await this.send(mail)
    }
  }

  private async send(mail: store.MailRow): Promise<void> {
    const { db, outbox, server, clock, log, domain } = this.deps
    try {
      const messageId = `<mail-${mail.id}-${mail.created_at}@${domain}>`
      await server.send({ to: mail.recipient, subject: mail.subject, text: outbox.textOf(mail), messageId })
      await store.settleMail(db, mail.id, { status: 'sent', sentAt: clock.now() })
    } catch (error) {
      const attempts = mail.attempts + 1
      const isFinal = kindOf(error) === 'invalid' || attempts >= MOST_ATTEMPTS
      log.warn('mail not sent', { mail: mail.id, kind: mail.kind, attempts, isFinal, reason: explain(error) })
      const dueAt = clock.now() + pauseMs(attempts)
      await store.settleMail(db, mail.id, { status: isFinal ? 'failed' : 'waiting', message: explain(error), dueAt })
    }
  }
}

/** Doubles with every attempt, to an hour. */
export function pauseMs(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS)
}
