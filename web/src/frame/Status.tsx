import classes from './Status.module.css'

type Tone = 'done' | 'running' | 'failed' | 'idle'

/** A state in a word, with a point of its colour. */
export function Status({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={classes['status']} data-tone={tone}>
      {children}
    </span>
  )
}
