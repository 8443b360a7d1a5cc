import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef } from 'react'
import { siteQuery } from '../accounts/session.ts'

let first = true

/** The heading of a page: names the tab, and takes the focus after a change of page so that it is read out. */
export function Title({ children, name }: { children: ReactNode; name?: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  const site = useQuery(siteQuery).data?.title ?? 'omega|ml'
  const words = name ?? (typeof children === 'string' ? children : undefined)
  useEffect(() => {
    document.title = words === undefined ? site : `${words} · ${site}`
  }, [words, site])
  useEffect(() => {
    // A field that asked for the focus keeps it; so does whoever has just opened the first page.
    if (!first && (document.activeElement === document.body || document.activeElement === null)) {
      heading.current?.focus({ preventScroll: true })
    }
    first = false
  }, [])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  )
}
