import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  parseSearchWith,
  redirect,
  stringifySearchWith,
} from '@tanstack/react-router'
import { sessionQuery } from './accounts/session.ts'
import { NotFound } from './frame/NotFound.tsx'
import { Broken, Loading } from './frame/States.tsx'

const words = {
  parseSearch: parseSearchWith((text) => text),
  stringifySearch: stringifySearchWith(String),
}

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFound,
})

/** The server knows these paths too (`src/api/pages.ts`). */
const way = createRoute({
  getParentRoute: () => root,
  id: 'way-in',
  component: lazyRouteComponent(() => import('./frame/Entrance.tsx'), 'Entrance'),
})

// Every key is answered, also without a value: what is left out would come through as it was typed.
type Search = Record<string, unknown>
const text = (value: unknown) => {
  // The router reads digits as a number and `true` as one of its own when nothing of them is lost.
  const word = ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : ''
  return word === '' ? undefined : word
}
const flag = (value: unknown) => (value === undefined ? undefined : true)
/** Never a way out to another site. */
const ourPath = (path: string | undefined) => (path !== undefined && /^\/(?![/\\])/.test(path) ? path : undefined)

async function onlySignedOut({ context }: { context: { queries: QueryClient } }) {
  if ((await context.queries.ensureQueryData(sessionQuery)) !== null) throw redirect({ to: '/' })
}

const signIn = createRoute({
  getParentRoute: () => way,
  path: '/accounts/login',
  beforeLoad: onlySignedOut,
  validateSearch: (
    search: Search,
  ): {
    next?: string | undefined
    signedOut?: true | undefined
    still?: true | undefined
    reset?: true | undefined
    problem?: string | undefined
  } => ({
    next: ourPath(text(search['next'])),
    signedOut: flag(search['signedOut']),
    still: flag(search['still']),
    reset: flag(search['reset']),
    problem: text(search['problem']),
  }),
  component: lazyRouteComponent(() => import('./accounts/SignIn.tsx'), 'SignIn'),
})

const signUp = createRoute({
  getParentRoute: () => way,
  path: '/accounts/signup',
  beforeLoad: onlySignedOut,
  component: lazyRouteComponent(() => import('./accounts/SignUp.tsx'), 'SignUp'),
})

const confirm = createRoute({
  getParentRoute: () => way,
  path: '/accounts/confirm',
  validateSearch: (search: Search): { token?: string | undefined; email?: string | undefined } => ({
    token: text(search['token']),
    email: text(search['email']),
  }),
  component: lazyRouteComponent(() => import('./accounts/Confirm.tsx'), 'Confirm'),
})

const confirmed = createRoute({
  getParentRoute: () => way,
  path: '/accounts/confirmed',
  component: lazyRouteComponent(() => import('./accounts/Confirm.tsx'), 'Confirmed'),
})

const waiting = createRoute({
  getParentRoute: () => way,
  path: '/accounts/waiting',
  component: lazyRouteComponent(() => import('./accounts/Waiting.tsx'), 'Waiting'),
})

const signOut = createRoute({
  getParentRoute: () => way,
  path: '/accounts/logout',
  beforeLoad: async ({ context }) => {
    if ((await context.queries.ensureQueryData(sessionQuery)) === null) throw redirect({ to: '/accounts/login' })
  },
  component: lazyRouteComponent(() => import('./accounts/SignOut.tsx'), 'SignOut'),
})

const forgotten = createRoute({
  getParentRoute: () => way,
  path: '/accounts/password/forgot',
  component: lazyRouteComponent(() => import('./accounts/ForgottenPassword.tsx'), 'ForgottenPassword'),
})

const reset = createRoute({
  getParentRoute: () => way,
  path: '/accounts/password/reset',
  validateSearch: (search: Search): { token?: string | undefined } => ({ token: text(search['token']) }),
  component: lazyRouteComponent(() => import('./accounts/ResetPassword.tsx'), 'ResetPassword'),
})

const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  beforeLoad: async ({ context, location }) => {
    if ((await context.queries.ensureQueryData(sessionQuery)) !== null) return
    throw redirect({ to: '/accounts/login', search: location.pathname === '/' ? {} : { next: location.pathname } })
  },
  component: lazyRouteComponent(() => import('./frame/Shell.tsx'), 'Shell'),
})

const home = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  component: lazyRouteComponent(() => import('./home/Home.tsx'), 'Home'),
})

const accounts = createRoute({
  getParentRoute: () => signedIn,
  path: '/accounts',
  component: lazyRouteComponent(() => import('./accounts/List.tsx'), 'AccountList'),
})

const mails = createRoute({
  getParentRoute: () => signedIn,
  path: '/mails',
  component: lazyRouteComponent(() => import('./mails/List.tsx'), 'MailList'),
})

const machines = createRoute({
  getParentRoute: () => signedIn,
  path: '/machines',
  component: lazyRouteComponent(() => import('./clusters/Machines.tsx'), 'Machines'),
})

const commands = createRoute({
  getParentRoute: () => signedIn,
  path: '/commands',
  component: lazyRouteComponent(() => import('./commands/List.tsx'), 'CommandList'),
})

const command = createRoute({
  getParentRoute: () => signedIn,
  path: '/commands/$id',
  component: lazyRouteComponent(() => import('./commands/Details.tsx'), 'CommandPage'),
})

const services = createRoute({
  getParentRoute: () => signedIn,
  path: '/services',
  component: lazyRouteComponent(() => import('./orders/Plans.tsx'), 'PlanList'),
})

const newOrder = createRoute({
  getParentRoute: () => signedIn,
  path: '/services/$plan',
  component: lazyRouteComponent(() => import('./orders/New.tsx'), 'NewOrder'),
})

const deployment = createRoute({
  getParentRoute: () => signedIn,
  path: '/deployments/$id',
  component: lazyRouteComponent(() => import('./deployments/Details.tsx'), 'DeploymentPage'),
})

const keys = createRoute({
  getParentRoute: () => signedIn,
  path: '/keys',
  component: lazyRouteComponent(() => import('./keys/List.tsx'), 'KeyList'),
})

const groups = createRoute({
  getParentRoute: () => signedIn,
  path: '/groups',
  component: lazyRouteComponent(() => import('./groups/List.tsx'), 'GroupList'),
})

export function createPages(queries: QueryClient) {
  return createRouter({
    routeTree: root.addChildren([
      way.addChildren([signIn, signUp, confirm, confirmed, waiting, signOut, forgotten, reset]),
      signedIn.addChildren([
        home,
        services,
        newOrder,
        deployment,
        commands,
        command,
        groups,
        keys,
        accounts,
        machines,
        mails,
      ]),
    ]),
    context: { queries },
    ...words,
    defaultPreload: 'intent',
    defaultPendingComponent: Loading,
    defaultErrorComponent: Broken,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPages>
  }
}
