import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { siteQuery, useAccount, useSignOut } from '../accounts/session.ts'
import { Mark } from './Mark.tsx'
import { SchemeSwitch } from './SchemeSwitch.tsx'
import classes from './Shell.module.css'
import { Simulated } from './Simulated.tsx'
import { Problem } from './States.tsx'

/** Around the pages of whoever is signed in. */
export function Shell() {
  const account = useAccount()
  const { data: site } = useQuery(siteQuery)
  const signOut = useMutation({ mutationFn: useSignOut() })
  return (
    <>
      <a href="#content" className="skip">
        Skip to the content
      </a>
      <Simulated parts={site?.simulated} />
      <header className={classes['head']}>
        <div className={classes['bar']}>
          <Link to="/" className={classes['brand']} aria-label={`${site?.title ?? 'omega|ml'}, home`}>
            <Mark size={24} />
            <span>{site?.title ?? 'omega|ml'}</span>
          </Link>
          <nav className={classes['nav']} aria-label="Rooms">
            <Link to="/" activeOptions={{ exact: true }}>
              Home
            </Link>
            <Link to="/services">Services</Link>
            <Link to="/commands">Orders</Link>
            <Link to="/groups">Groups</Link>
            <Link to="/keys">Keys</Link>
            {account?.role === 'admin' && (
              <>
                <Link to="/accounts">Accounts</Link>
                <Link to="/machines">Machines</Link>
                <Link to="/mails">Mails</Link>
              </>
            )}
          </nav>
          <div className={classes['who']}>
            <span className={classes['name']} title={account?.email}>
              {account?.userid}
            </span>
            <SchemeSwitch />
            <Button variant="default" size="xs" loading={signOut.isPending} onClick={() => signOut.mutate()}>
              Sign out
            </Button>
          </div>
        </div>
      </header>
      <main id="content" className={classes['main']}>
        {signOut.error !== null && <Problem title="You are still signed in" error={signOut.error} />}
        <Outlet />
      </main>
    </>
  )
}
