import { Link } from '@tanstack/react-router'
import { Title } from '../frame/Title.tsx'

/** Confirmed, but nobody has said yes yet. */
export function Waiting() {
  return (
    <div className="stack">
      <Title>Waiting for approval</Title>
      <p className="dim">
        An administrator of this site looks at every new account. You will get a mail as soon as yours is approved;
        until then there is nothing for you to do.
      </p>
      <p className="small dim">
        Already approved? <Link to="/accounts/login">Sign in</Link>
      </p>
    </div>
  )
}
