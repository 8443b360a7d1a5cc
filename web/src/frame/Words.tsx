import { Fragment } from 'react'

/** A text of the service, in which words between backticks are words to be typed. */
export function Words({ children }: { children: string }) {
  return children.split('`').map((part, index) =>
    // oxlint-disable-next-line react/no-array-index-key -- parts have nothing but their place
    index % 2 === 1 ? <code key={index}>{part}</code> : <Fragment key={index}>{part}</Fragment>,
  )
}
