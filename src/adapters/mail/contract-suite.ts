import { expect, test } from 'vitest'
import type { MailServer } from './port.ts'

export interface MailParts {
  readonly server: MailServer
  /** What the other side got, newest last. */
  received(): readonly { to: string; subject: string; text: string; messageId: string }[]
  /** How the other side treats what comes next. */
  behave(how: 'accept' | 'defer' | 'refuse' | 'gone'): Promise<void>
}

const mail = {
  to: "o'neil+x@example.org",
  subject: 'Grüße von omega|ml',
  text: 'Zeile eins\n.\nhttp://hub.example.org/accounts/confirm?token=abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\n',
  messageId: '<mail-1@example.org>',
}

/** What every implementation keeps. */
export function mailContract(parts: () => MailParts): void {
  test('a mail arrives as it was written', async () => {
    await parts().behave('accept')
    await parts().server.send(mail)
    expect(parts().received().at(-1)).toEqual(mail)
  })

  test('a line end in a subject makes no header', async () => {
    await parts().behave('accept')
    await parts().server.send({ ...mail, subject: 'a\r\nBcc: eve@example.org' })
    expect(parts().received().at(-1)?.to).toBe(mail.to)
  })

  const failures = [
    { how: 'defer', error: { kind: 'unavailable', code: 'mail-deferred' }, why: 'a busy server may help later' },
    {
      how: 'refuse',
      error: { kind: 'invalid', code: 'mail-refused' },
      why: 'what a server refuses it refuses for good',
    },
    { how: 'gone', error: { kind: 'unavailable', code: 'mail-server-unreachable' }, why: 'a server may come back' },
  ] as const
  for (const { how, error, why } of failures) {
    test(why, async () => {
      const before = parts().received().length
      await parts().behave(how)
      await expect(parts().server.send(mail)).rejects.toMatchObject(error)
      expect(parts().received()).toHaveLength(before)
    })
  }
}
