import type { ReactNode } from 'react'
import classes from './Panel.module.css'

/** A part of a page with a name of its own, and at its foot what a terminal would say. */
export function Panel({
  title,
  aside,
  foot,
  children,
}: {
  title: string
  aside?: ReactNode
  foot?: ReactNode
  children: ReactNode
}) {
  const id = `panel-${title.toLowerCase().replace(/\W+/g, '-')}`
  return (
    <section className={classes['panel']} aria-labelledby={id}>
      <header className={classes['head']}>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
      {foot !== undefined && <footer className={classes['foot']}>{foot}</footer>}
    </section>
  )
}
