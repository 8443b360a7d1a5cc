/** Words for why a sign-in at another issuer did not succeed, by the service's code. */
const problems: Readonly<Record<string, string>> = {
  'outside-refused': 'The sign-in elsewhere was not finished, or took too long. Try again.',
  'issuer-unreachable': 'The other site does not answer. Try again in a moment, or use your password.',
  'outside-address-unverified': 'Your e-mail address is not verified there. Verify it, then try again.',
  'outside-address-unconfirmed': 'An account here has your address but never confirmed it. Use its password.',
  'outside-address-taken': 'The account with your address does not sign in this way. Use its password.',
  'outside-role': 'Your account does not sign in this way. Use its password.',
  'outside-no-account': 'Nobody here has your address. Ask the administrators of the site for an account.',
  'mail-domain-refused': 'People with addresses of your domain can’t sign up here.',
  'account-disabled': 'Your account is switched off. Ask the administrators of the site.',
  'account-removing': 'Your account is being removed.',
}

export function outsideProblem(code: string): string {
  return problems[code] ?? 'Try again, or use your password.'
}

/** Where the button leads, and what comes after the way back. */
export function wayOut(url: string, next: string | undefined): string {
  return next === undefined ? url : `${url}?${new URLSearchParams({ next }).toString()}`
}

export const stillSignedIn =
  'You are signed out here. Until you sign out there, too, whoever uses this browser next comes in again by the button below.'
