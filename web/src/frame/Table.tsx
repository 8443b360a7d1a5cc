import type { ReactNode } from 'react'
import classes from './Table.module.css'

/** Rows with a head; scrolls sideways where it is too narrow. */
export function Table({ name, head, children }: { name: string; head: readonly string[]; children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
    <section className="scroll" tabIndex={0} aria-label={name}>
      <table className={classes['table']}>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name === '' ? <span className="visually-hidden">What can be done</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  )
}
