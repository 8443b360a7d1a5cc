import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../api.ts'

export const accountsQuery = infiniteQueryOptions({
  queryKey: ['accounts'],
  queryFn: ({ pageParam }) => api.accounts(pageParam === undefined ? {} : { after: pageParam }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: ({ next }) => next,
})

export const approvalsQuery = queryOptions({
  queryKey: ['accounts', 'waiting-approval'],
  queryFn: () => api.accounts({ state: 'waiting-approval' }),
  // Who signs up appears without a reload.
  refetchInterval: 10_000,
})

export const credentialsKey = (userid: string) => ['credentials', userid]
