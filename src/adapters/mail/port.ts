export interface OutgoingMail {
  /** One address. */
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The same for every attempt: a receiver recognizes what it got before. */
  readonly messageId: string
}

/**
 * Hands mails to a mail server.
 *
 * Resolves once the server took it over. Errors: `unavailable/mail-server-unreachable` and `unavailable/mail-deferred`
 * (later may help), `invalid/mail-refused` (this mail or address never passes), `forbidden/mail-sign-in-refused`.
 */
export interface MailServer {
  send(mail: OutgoingMail): Promise<void>
}
