/** What a mail is for; people filter the list by it. */
export type MailKind =
  | 'confirm-mail'
  | 'account-known'
  | 'account-ready'
  | 'account-rejected'
  | 'reset-password'
  | 'password-changed'
  | 'change-mail'
  | 'mail-changed'

export interface Mail {
  readonly to: string
  readonly kind: MailKind
  readonly subject: string
  readonly text: string
}

/** What texts say of the site. */
export interface MailSite {
  readonly title: string
  readonly publicUrl: string
}

const link = (site: MailSite, path: string) => `${site.publicUrl.replace(/\/+$/, '')}${path}`

export function confirmMail(site: MailSite, { to, name, token }: { to: string; name: string; token: string }): Mail {
  return compose(site, to, 'confirm-mail', `Confirm your e-mail address`, [
    `somebody, hopefully you, signed up for ${site.title} with this address. The user id is ${name}.`,
    `To confirm the address, go to ${link(site, `/accounts/confirm?token=${token}`)}`,
    `Or type this token there: ${token}`,
    'It works once, within three days. If it was not you, there is nothing to do.',
  ])
}

export function accountKnown(site: MailSite, { to, name }: { to: string; name: string }): Mail {
  return compose(site, to, 'account-known', 'You have an account already', [
    `somebody, hopefully you, signed up for ${site.title} with this address. There is an account with it already: ${name}.`,
    `To sign in, go to ${link(site, '/accounts/login')}`,
    `If you forgot the password, go to ${link(site, '/accounts/password/forgot')}`,
  ])
}

export function accountReady(site: MailSite, { to, name }: { to: string; name: string }): Mail {
  return compose(site, to, 'account-ready', 'Your account is open', [
    `welcome to ${site.title}. Your user id is ${name}.`,
    `To sign in and see your API key, go to ${link(site, '/accounts/login')}`,
  ])
}

export function accountRejected(site: MailSite, { to }: { to: string }): Mail {
  return compose(site, to, 'account-rejected', 'Your account was not approved', [
    `the account that you asked for at ${site.title} was not approved. What you entered was deleted.`,
  ])
}

export function resetPassword(site: MailSite, { to, name, token }: { to: string; name: string; token: string }): Mail {
  return compose(site, to, 'reset-password', 'Choose a new password', [
    `somebody, hopefully you, asked for a new password of the account ${name} at ${site.title}.`,
    `To choose one, go to ${link(site, `/accounts/password/reset?token=${token}`)}`,
    `Or type this token there: ${token}`,
    'It works once, within an hour. If it was not you, there is nothing to do: the password stays as it is.',
  ])
}

export function passwordChanged(site: MailSite, { to, name }: { to: string; name: string }): Mail {
  return compose(site, to, 'password-changed', 'Your password was changed', [
    `the password of the account ${name} at ${site.title} was changed, and everybody signed in with it was signed out.`,
    `If it was not you, go to ${link(site, '/accounts/password/forgot')}`,
  ])
}

export function changeMail(site: MailSite, { to, name, token }: { to: string; name: string; token: string }): Mail {
  return compose(site, to, 'change-mail', 'Confirm your new e-mail address', [
    `the account ${name} at ${site.title} shall get this address.`,
    `To confirm it, go to ${link(site, `/accounts/confirm?token=${token}`)}`,
    `Or type this token there: ${token}`,
    'It works once, within a day. If it was not you, there is nothing to do.',
  ])
}

export function mailChanged(site: MailSite, { to, name }: { to: string; name: string }): Mail {
  return compose(site, to, 'mail-changed', 'Your e-mail address was changed', [
    `the account ${name} at ${site.title} has another e-mail address now. This one gets no more mails.`,
    'If it was not you, ask the administrators of the site at once.',
  ])
}

function compose(site: MailSite, to: string, kind: MailKind, subject: string, lines: readonly string[]): Mail {
  return { to, kind, subject: `${site.title}: ${subject}`, text: ['Hello,', ...lines, site.title].join('\n\n') + '\n' }
}
