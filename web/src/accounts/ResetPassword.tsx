import { TextInput } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { api } from '../api.ts'
import { Submit, useForm } from '../frame/form.tsx'
import { Password } from '../frame/Password.tsx'
import { Title } from '../frame/Title.tsx'

const route = getRouteApi('/way-in/accounts/password/reset')

/** From the link of the mail, which brings the token along; it can be typed too. */
export function ResetPassword() {
  const { token } = route.useSearch()
  const navigate = useNavigate()
  const { form, busy, wrong, rest } = useForm(
    (fields) =>
      api.resetPassword({ token: token ?? fields['token']?.trim() ?? '', password: fields['password'] ?? '' }),
    () => navigate({ to: '/accounts/login', search: { reset: true }, replace: true }),
  )
  const shown = token === undefined ? ['token', 'password'] : ['password']
  return (
    <div className="stack">
      <Title>Set a new password</Title>
      <form {...form}>
        {token === undefined && (
          <TextInput
            name="token"
            label="Token from the mail"
            size="md"
            autoComplete="one-time-code"
            autoCapitalize="none"
            spellCheck={false}
            error={wrong('token')}
          />
        )}
        <Password
          name="password"
          label="New password"
          autoComplete="new-password"
          autoFocus
          error={wrong('password')}
        />
        <Submit busy={busy} failed={rest(shown)} title="Your password was not changed">
          Change password
        </Submit>
      </form>
      <p className="small dim">
        The link is too old? <Link to="/accounts/password/forgot">Get a new one</Link>
      </p>
    </div>
  )
}
