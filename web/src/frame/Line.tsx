import { Fragment } from 'react'

/** Words to be typed in a terminal. */
export function Line({ children }: { children: string }) {
  return (
    <code className="line">
      {children.split(' ').map((word, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- words have nothing but their place
        <Fragment key={index}>
          {index > 0 && ' '}
          <span>{word}</span>
        </Fragment>
      ))}
    </code>
  )
}
