import { Button, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ApiError, api } from '../api.ts'
import { Submit, useForm } from '../frame/form.tsx'
import { Problem, Success } from '../frame/States.tsx'
import { Password } from '../frame/Password.tsx'
import { Title } from '../frame/Title.tsx'
import { outsideProblem, stillSignedIn, wayOut } from './outside.ts'
import { siteQuery, useSignedIn } from './session.ts'

const route = getRouteApi('/way-in/accounts/login')

export function SignIn() {
  const { next, signedOut, still, reset, problem } = route.useSearch()
  const { data: site } = useQuery(siteQuery)
  const signedIn = useSignedIn()
  const { form, busy, wrong, rest, error } = useForm(
    ({ login = '', password = '' }) => api.signIn({ login, password }),
    (session) => signedIn(session, next),
  )
  return (
    <div className="stack">
      <Title>Sign in</Title>
      {error === null && signedOut === true && still === undefined && <Success>You are signed out.</Success>}
      {error === null && still === true && site?.openid !== undefined && (
        <Problem title={`Still signed in at ${site.openid.label}`} error={new Error(stillSignedIn)} />
      )}
      {error === null && reset === true && <Success>Your password is changed. Sign in with the new one.</Success>}
      {error === null && problem !== undefined && (
        <Problem title="You are not signed in" error={new Error(outsideProblem(problem))} />
      )}
      {site?.openid !== undefined && (
        <>
          {/* No link of the router's: the way leads out of the pages, to another site. */}
          <Button component="a" href={wayOut(site.openid.url, next)} variant="default" size="md" fullWidth>
            Sign in with {site.openid.label}
          </Button>
          <p className="small dim">or with an account of this site</p>
        </>
      )}
      <form {...form}>
        <TextInput
          name="login"
          label="E-mail address or userid"
          size="md"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          error={wrong('login')}
        />
        <Password name="password" label="Password" autoComplete="current-password" error={wrong('password')} />
        <Submit busy={busy} failed={rest(['login', 'password'])} title="You are not signed in">
          Sign in
        </Submit>
        {error instanceof ApiError && error.code === 'account-unconfirmed' && (
          <p className="small">
            <Link to="/accounts/confirm">Type the token, or get a new mail</Link>
          </p>
        )}
      </form>
      <p className="small row apart">
        <Link to="/accounts/password/forgot">Forgot your password?</Link>
        {site?.signUp.open === true && (
          <span className="dim">
            New? <Link to="/accounts/signup">Sign up here</Link>
          </span>
        )}
      </p>
    </div>
  )
}
