import classes from './Simulated.module.css'

/** Above every page of a site that is not real: nobody shall take it for one. */
export function Simulated({ parts = [] }: { parts?: readonly string[] | undefined }) {
  if (parts.length === 0) return null
  return (
    <p className={classes['banner']} role="note">
      <strong>Simulated.</strong> These only say that they are there: {parts.join(', ')}. Nobody’s code runs.
    </p>
  )
}
