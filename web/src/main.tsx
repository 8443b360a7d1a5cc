import '@fontsource-variable/geist/index.css'
import '@fontsource-variable/geist-mono/index.css'
import './styles.ts'
import { MantineProvider } from '@mantine/core'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api.ts'
import { forgetSession } from './accounts/session.ts'
import { createPages } from './router.tsx'
import { theme } from './theme.ts'

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // Signed out elsewhere, or too long away: the way in leads back to where one was.
    onError: (error) => {
      if (!(error instanceof ApiError) || error.status !== 401) return
      void forgetSession(queries, () => router.invalidate())
    },
  }),
  defaultOptions: {
    queries: { staleTime: 5_000, retry: (count, error) => count < 2 && !(error instanceof ApiError) },
    mutations: { retry: false },
  },
})
const router = createPages(queries)

createRoot(document.querySelector('#root') ?? document.body).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
