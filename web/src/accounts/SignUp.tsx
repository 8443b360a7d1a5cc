import { TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { api } from '../api.ts'
import { Submit, useForm } from '../frame/form.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Password } from '../frame/Password.tsx'
import { Title } from '../frame/Title.tsx'
import { siteQuery } from './session.ts'

export function SignUp() {
  const { data: site, error, refetch } = useQuery(siteQuery)
  if (site === undefined) {
    return error === null ? <Loading /> : <Problem title="Sign-up can’t be shown" error={error} again={refetch} />
  }
  return site.signUp.open ? <Form domains={site.signUp.domains ?? []} /> : <Closed />
}

function Form({ domains }: { domains: readonly string[] }) {
  const navigate = useNavigate()
  const { form, busy, wrong, rest } = useForm(
    ({ email = '', password1 = '' }) => api.signUp({ email, password: password1 }),
    async ({ next }, { email = '' }) => {
      switch (next) {
        case 'confirm':
          return await navigate({ to: '/accounts/confirm', search: { email } })
        case 'wait-for-approval':
          return await navigate({ to: '/accounts/waiting' })
        case 'sign-in':
          return await navigate({ to: '/accounts/login' })
      }
    },
  )
  return (
    <div className="stack">
      <Title>Create your account</Title>
      <form {...form}>
        <TextInput
          name="email"
          type="email"
          label="E-mail address"
          description={domains.length === 0 ? undefined : `Of ${domains.join(', ')}`}
          size="md"
          autoComplete="email"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          error={wrong('email')}
        />
        <Password name="password1" label="Password" autoComplete="new-password" error={wrong('password')} />
        <Submit busy={busy} failed={rest(['email', 'password'])} title="Your account was not created">
          Create account
        </Submit>
      </form>
      <p className="small dim">
        You have an account? <Link to="/accounts/login">Sign in</Link>
      </p>
    </div>
  )
}

function Closed() {
  return (
    <div className="stack">
      <Title>Sign-up is closed</Title>
      <p className="dim">On this site, accounts are made by its administrators. Ask one of them for yours.</p>
      <p className="small dim">
        You have an account? <Link to="/accounts/login">Sign in</Link>
      </p>
    </div>
  )
}
