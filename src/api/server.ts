import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { bellOf } from '../commands/bell.ts'
import { ANSWER_MS, BODY_LIMIT, errorHandler, notFound } from './answers.ts'
import { configRoute } from './compat/config.ts'
import { dashboardRoutes } from './compat/dashboard.ts'
import { healthRoutes } from './compat/health.ts'
import { serviceRoutes } from './compat/service.ts'
import { compatSignUp } from './compat/sign-up.ts'
import { tokenRoutes } from './compat/tokens.ts'
import type { ApiDeps, Side } from './deps.ts'
import { describeApi } from './openapi.ts'
import { frontPage } from './front-page.ts'
import { Guessing } from './guessing.ts'
import { hasPages, pages } from './pages.ts'
import { accountChangeRoutes } from './routes/account-changes.ts'
import { mountOidc } from './oidc/routes.ts'
import { accountRoutes } from './routes/accounts.ts'
import { auditRoute } from './routes/audit.ts'
import { booksRoutes } from './routes/books.ts'
import { clusterRoutes } from './routes/clusters.ts'
import { nodeRoutes } from './routes/nodes.ts'
import { bootstrapRoutes } from './routes/bootstrap.ts'
import { commandRoutes } from './routes/commands.ts'
import { stateRoutes } from './routes/states.ts'
import { statusRoutes } from './routes/status.ts'
import { commandEventRoutes } from './routes/command-events.ts'
import { deploymentRoutes } from './routes/deployments.ts'
import { orderRoutes } from './routes/orders.ts'
import { planRoutes } from './routes/plans.ts'
import { groupRoutes } from './routes/groups.ts'
import { mailRoutes } from './routes/mails.ts'
import { openidRoutes } from './routes/openid.ts'
import { sessionRoutes } from './routes/session.ts'
import { signingKeyRoutes } from './routes/signing-keys.ts'
import { signUpRoutes } from './routes/sign-up.ts'
import { siteRoute } from './routes/site.ts'
import { createSignIn } from './sign-in.ts'
import { refuseNotebooks } from './simulated.ts'
import { wakeRoute } from './wake-route.ts'

/** One of the two listeners. The internal one has the few routes that workers, JupyterHub and the engine need. */
export async function createServer(deps: ApiDeps, side: Side): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    // The ingress in front of the public side adds the caller's address; inside, nobody is believed.
    trustProxy: side === 'public' ? (_address: string, hop: number) => hop === 0 : false,
    requestIdHeader: false,
    requestTimeout: 30_000,
    handlerTimeout: ANSWER_MS,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    // The client appends paths to base URLs with and without a slash at the end.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 200 },
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(errorHandler(deps.log))
  app.setNotFoundHandler(notFound)
  app.addHook('onSend', async (request, reply) => void reply.header('x-request-id', request.id))
  if (side === 'public' && deps.site.simulated.length > 0) refuseNotebooks(app, deps.site)
  await app.register(helmet, helmetOptions)
  await app.register(rateLimit, { global: false })

  await mountOidc(app, deps, side)
  const signIn = createSignIn(app, deps, side)
  healthRoutes(app, deps)
  configRoute(app, deps, side, signIn)
  if (side === 'internal') wakeRoute(app, bellOf(deps.db), deps)
  else await publicRoutes(app, deps, signIn)
  await app.ready()
  return app
}

async function publicRoutes(
  app: FastifyInstance,
  deps: ApiDeps,
  signIn: ReturnType<typeof createSignIn>,
): Promise<void> {
  await describeApi(app, deps.version)
  if (hasPages(deps.pages)) await pages(app, deps.pages)
  else frontPage(app, deps)
  await app.register(async (scope) => dashboardRoutes(scope, deps, signIn))
  const guessing = new Guessing(deps.clock)
  await app.register(async (scope) => {
    siteRoute(scope, deps)
    sessionRoutes(scope, deps, signIn, guessing)
    openidRoutes(scope, deps)
    signUpRoutes(scope, deps)
    accountRoutes(scope, deps, signIn)
    accountChangeRoutes(scope, deps, signIn, guessing)
    groupRoutes(scope, deps, signIn)
    mailRoutes(scope, deps, signIn)
    auditRoute(scope, deps, signIn)
    signingKeyRoutes(scope, deps, signIn)
    compatSignUp(scope, deps, signIn)
    tokenRoutes(scope, deps, guessing)
    commandRoutes(scope, deps, signIn)
    commandEventRoutes(scope, deps, signIn)
    serviceRoutes(scope, deps, signIn)
    orderRoutes(scope, deps, signIn)
    deploymentRoutes(scope, deps, signIn)
    planRoutes(scope, deps, signIn)
    booksRoutes(scope, deps, signIn)
    stateRoutes(scope, deps, signIn)
    bootstrapRoutes(scope, deps, signIn)
    statusRoutes(scope, deps, signIn)
    clusterRoutes(scope, deps, signIn)
    nodeRoutes(scope, deps, signIn)
  })
}

const helmetOptions = {
  // On a local site everything is plain HTTP on loopback: a browser that remembers HTTPS could not come back.
  strictTransportSecurity: false,
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'unsafe-inline'"],
      frameAncestors: ["'none'"],
      baseUri: ["'none'"],
    },
  },
} as const
