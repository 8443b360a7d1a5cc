import { useQuery } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { siteQuery } from '../accounts/session.ts'
import classes from './Entrance.module.css'
import { Mark } from './Mark.tsx'
import { SchemeSwitch } from './SchemeSwitch.tsx'
import { Simulated } from './Simulated.tsx'

/** Around the pages of those who are not signed in. */
export function Entrance() {
  const { data: site } = useQuery(siteQuery)
  return (
    <>
      <Simulated parts={site?.simulated} />
      <div className={classes['page']}>
        <header className={classes['head']}>
          <Link to="/accounts/login" className={classes['brand']}>
            <Mark />
            <span>{site?.title ?? 'omega|ml'}</span>
          </Link>
          <SchemeSwitch />
        </header>
        <main className={classes['main']}>
          <div className={classes['card']}>
            <Outlet />
          </div>
        </main>
        <footer className={classes['foot']}>{site === undefined ? '' : new URL(site.apiUrl).host}</footer>
      </div>
    </>
  )
}
