import { TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { api } from '../api.ts'
import { Submit, useForm } from '../frame/form.tsx'
import { Success } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'

export function ForgottenPassword() {
  const { form, busy, sent, wrong, rest } = useForm(
    ({ email = '' }) => api.forgotPassword(email),
    () => {},
  )
  return (
    <div className="stack">
      <Title>Forgotten password</Title>
      {sent ? (
        <Success>
          If there is an account with this address, a mail with a link to a new password is on its way to it.
        </Success>
      ) : (
        <>
          <p className="dim">We send you a link with which you set a new one.</p>
          <form {...form}>
            <TextInput
              name="email"
              type="email"
              label="E-mail address"
              size="md"
              autoComplete="email"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
              error={wrong('email')}
            />
            <Submit busy={busy} failed={rest(['email'])} title="No mail was sent">
              Send the link
            </Submit>
          </form>
        </>
      )}
      <p className="small">
        <Link to="/accounts/login">Back to sign in</Link>
      </p>
    </div>
  )
}
