import { createTransport } from 'nodemailer'
import { AppError } from '../../base/errors.ts'
import type { MailServer } from './port.ts'

export interface SmtpOptions {
  readonly host: string
  readonly port: number
  /** `tls`: from the first byte. `starttls`: demanded, never skipped. `none`: plain, for a server on the same machine or network. */
  readonly security: 'tls' | 'starttls' | 'none'
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Sender, such as `omega|ml <hub@example.org>`. */
  readonly from: string
  /** Additional authority, in PEM. */
  readonly ca?: string | undefined
}

export function createSmtp(options: SmtpOptions): MailServer {
  const { host, port, security, user, password, from, ca } = options
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: 60_000,
    // Texts come from us, names and addresses from tenants: nothing of them is ever read from files or the network.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
  })
  return {
    send: async ({ to, subject, text, messageId }) => {
      try {
        await transport.sendMail({ from, to: { name: '', address: to }, subject, text, messageId })
      } catch (cause) {
        throw translate(cause, `sending a mail through ${host}:${port}`)
      }
    },
  }
}

/** The server's answers of 5xx are final, those of 4xx are not; everything else is the way to it. */
function translate(cause: unknown, attempted: string): AppError {
  const { code, responseCode } = cause as { code?: string; responseCode?: number }
  if (code === 'EAUTH') return new AppError('forbidden', 'mail-sign-in-refused', attempted, { cause })
  if (responseCode !== undefined && responseCode >= 500)
    return new AppError('invalid', 'mail-refused', attempted, { cause })
  if (responseCode !== undefined && responseCode >= 400) {
    return new AppError('unavailable', 'mail-deferred', attempted, { cause })
  }
  return new AppError('unavailable', 'mail-server-unreachable', attempted, { cause })
}
