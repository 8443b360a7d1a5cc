import { Button, TextInput } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { api } from '../api.ts'
import { Submit, useForm } from '../frame/form.tsx'
import { Problem, Success } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'

const route = getRouteApi('/way-in/accounts/confirm')

/** By the link of the mail, which brings the token along, or with the token typed. */
export function Confirm() {
  const { token, email } = route.useSearch()
  const navigate = useNavigate()
  const { form, busy, wrong, rest } = useForm(
    (fields) => api.confirm(token ?? fields['token']?.trim() ?? ''),
    async ({ status }) => {
      if (status === 'waiting-approval') await navigate({ to: '/accounts/waiting', replace: true })
      else await navigate({ to: '/accounts/confirmed', replace: true })
    },
  )
  if (token !== undefined) {
    return (
      <div className="stack">
        <Title>Confirm E-mail Address</Title>
        <p className="dim">One click, and the address that this link was sent to is yours here.</p>
        <form {...form}>
          <Submit busy={busy} failed={rest([])} title="The address was not confirmed">
            Confirm
          </Submit>
        </form>
        <p className="small dim">
          The link is too old? <Link to="/accounts/confirm">Get a new one</Link>
        </p>
      </div>
    )
  }
  return (
    <div className="stack">
      <Title>Verify Your E-mail Address</Title>
      <p className="dim">
        {email === undefined ? (
          'We have sent you a mail.'
        ) : (
          <>
            We have sent a mail to <strong>{email}</strong>.
          </>
        )}{' '}
        Open the link in it, or type the token that it shows.
      </p>
      <form {...form}>
        <TextInput
          name="token"
          label="Token"
          size="md"
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          error={wrong('token')}
        />
        <Submit busy={busy} failed={rest(['token'])} title="The address was not confirmed">
          Confirm
        </Submit>
      </form>
      <SendAgain email={email} />
    </div>
  )
}

function SendAgain({ email }: { email: string | undefined }) {
  const { form, busy, sent, wrong, rest } = useForm(
    (fields) => api.resend(fields['email'] ?? ''),
    () => {},
  )
  if (sent) return <Success>A new mail is on its way. It may have landed among the spam.</Success>
  const failed = rest(['email'])
  return (
    <form {...form}>
      {email === undefined ? (
        <TextInput
          name="email"
          type="email"
          label="No mail has come? Your e-mail address"
          size="md"
          autoComplete="email"
          error={wrong('email')}
        />
      ) : (
        <input type="hidden" name="email" value={email} />
      )}
      {failed !== undefined && <Problem title="No mail was sent" error={failed} />}
      <Button type="submit" variant="subtle" fullWidth size="md" loading={busy}>
        {email === undefined ? 'Send a new mail' : 'No mail has come? Send it again'}
      </Button>
    </form>
  )
}

/** After the address was confirmed. */
export function Confirmed() {
  return (
    <div className="stack">
      <Title>Your e-mail address is confirmed</Title>
      <Success>Your account is being made ready. Sign in to see how far it is.</Success>
      <Button component={Link} to="/accounts/login" size="md" fullWidth>
        Login
      </Button>
    </div>
  )
}
