import { Link } from '@tanstack/react-router'
import { Mark } from './Mark.tsx'
import classes from './States.module.css'
import { Title } from './Title.tsx'

export function NotFound() {
  return (
    <main className={classes['whole']}>
      <Link to="/" aria-label="Start" className={classes['mark']}>
        <Mark size={32} />
      </Link>
      <Title>There is no such page</Title>
      <p className="dim">
        The address may be mistyped, or the page has moved. <Link to="/">Go to the start</Link>
      </p>
    </main>
  )
}
