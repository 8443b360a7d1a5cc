import type { z } from 'zod'
import type { Clock } from '../base/clock.ts'
import type { KeyRing } from '../base/key-ring.ts'
import type { Db } from '../db/database.ts'
import type { mailView } from './contract.ts'
import type { Mail } from './mail.ts'
import * as store from './store.ts'

/** One mail of a kind per address in this time, so that nobody fills somebody else's mailbox. */
const PAUSE_MS = 60_000

/** Mails lie here from the transaction that is their reason until the sender takes them. */
export class Outbox {
  private readonly keys: KeyRing
  private readonly clock: Clock
  private readonly delivers: boolean

  /** `delivers`: whether the site has a mail server; if not, mails are read in the list. */
  constructor(deps: { keys: KeyRing; clock: Clock; delivers: boolean }) {
    this.keys = deps.keys
    this.clock = deps.clock
    this.delivers = deps.delivers
  }

  /** In the caller's transaction; ring the bell after it. */
  async put(tx: Db, { to, kind, subject, text }: Mail): Promise<void> {
    const sealed = this.keys.seal(text, mailContext(to))
    const status = this.delivers ? 'waiting' : 'listed'
    await store.insertMail(tx, { recipient: to, kind, subject, sealed, status, now: this.clock.now() })
  }

  /** Whether the address got such a mail a moment ago. */
  async isTooSoon(tx: Db, to: string, kind: Mail['kind']): Promise<boolean> {
    return await store.wasMailedSince(tx, to, kind, this.clock.now() - PAUSE_MS)
  }

  textOf(row: store.MailRow): string {
    return this.keys.open(row.body_encrypted, mailContext(row.recipient))
  }

  show(row: store.MailRow): z.infer<typeof mailView> {
    return {
      id: Number(row.id),
      to: row.recipient,
      kind: row.kind,
      subject: row.subject,
      status: row.status,
      attempts: row.attempts,
      createdAt: new Date(Number(row.created_at)).toISOString(),
      text: this.textOf(row),
      ...(row.sent_at === null ? {} : { sentAt: new Date(Number(row.sent_at)).toISOString() }),
      ...(row.message === null ? {} : { message: row.message }),
    }
  }
}

function mailContext(recipient: string): string {
  return `mail to ${recipient}`
}
