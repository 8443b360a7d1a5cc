import { type QueryClient, queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { api, type Session } from '../api.ts'

export const sessionQuery = queryOptions({ queryKey: ['session'], queryFn: api.session, staleTime: 60_000 })
export const siteQuery = queryOptions({ queryKey: ['site'], queryFn: api.site, staleTime: 300_000 })

/** Whoever is signed in; only below the route that has made sure of it. */
export function useAccount() {
  const { data } = useQuery(sessionQuery)
  return data?.account
}

/** Nobody is signed in any more. What was seen until then goes once the pages that show it have gone. */
export async function forgetSession(queries: QueryClient, leave: () => Promise<void>): Promise<void> {
  queries.setQueryData(sessionQuery.queryKey, null)
  await leave()
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' && queryKey[0] !== 'site' })
}

export function useSignedIn() {
  const queries = useQueryClient()
  const router = useRouter()
  return async (session: Session, next = '/') => {
    queries.setQueryData(sessionQuery.queryKey, session)
    // JupyterHub's sign-in goes on at the server, not in a page.
    if (next.startsWith('/oidc/')) window.location.replace(next)
    else await router.navigate({ to: next, replace: true })
  }
}

export function useSignOut() {
  const queries = useQueryClient()
  const router = useRouter()
  return async () => {
    const elsewhere = (await api.signOut())?.elsewhere
    const still = elsewhere !== undefined && elsewhere.url === undefined ? true : undefined
    await forgetSession(queries, () => router.navigate({ to: '/accounts/login', search: { signedOut: true, still } }))
    // On to where it ends as well. Whoever goes back finds the page of before.
    if (elsewhere?.url !== undefined) window.location.assign(elsewhere.url)
  }
}
