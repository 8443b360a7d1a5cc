import type { IncomingMessage } from 'node:http'
import { Provider, interactionPolicy, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { listGroups } from '../../accounts/group-store.ts'
import { OWN_ALGORITHM, type SigningKey } from '../../accounts/signing-keys.ts'
import { findAccountById } from '../../accounts/store.ts'
import { noteOidcSession } from '../../accounts/sessions.ts'
import type { ApiDeps } from '../deps.ts'
import { artifactsIn } from './artifacts.ts'

/** A program that people sign in to through us. All of ours: nobody is asked for consent. */
export interface OidcClient {
  readonly id: string
  readonly secret: string
  readonly redirectUris: readonly string[]
  /** Where it may have browsers sent that were signed out. */
  readonly postLogoutRedirectUris?: readonly string[]
}

/** How long a sign-in through us lasts at most before we look at our own session again. */
const SESSION_S = 12 * 3600
const scopes = ['openid', 'profile', 'email', 'groups']

/** Where the provider is: beside our own tokens, whose issuer is the hub's URL itself. */
export function issuerOf({ site }: Pick<ApiDeps, 'site'>): string {
  return `${site.publicUrl.replace(/\/+$/, '')}/oidc`
}

/** `own` tells whose session with us a request has, and the session's row. */
export type OwnSession = (request: IncomingMessage) => Promise<{ accountId: number; rowId: number } | undefined>

/**
 * OpenID Connect for JupyterHub and other programs of the site (authorization code flow). It has no sign-in of its own:
 * an authorization needs a session with us, looked at each time, so that whoever signs out of us is signed out.
 */
export function createOidcProvider(deps: ApiDeps, own: OwnSession, keys: readonly SigningKey[]): Provider {
  const provider = new Provider(issuerOf(deps), {
    adapter: artifactsIn(deps.db, deps.clock),
    // The first signs, all verify; the same holds for the cookies.
    jwks: { keys: keys.map(privateJwkOf) },
    clients: deps.oidcClients.map(clientOf),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes,
    claims: {
      openid: ['sub', 'sid'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    responseTypes: ['code'],
    pkce: { required: () => false },
    cookies: {
      keys: keys.map(({ cookieKey }) => cookieKey),
      long: { signed: true, httpOnly: true, sameSite: 'lax', path: '/oidc' },
      short: { signed: true, httpOnly: true, sameSite: 'lax', path: '/oidc' },
    },
    features: {
      devInteractions: { enabled: false },
      // Known to the library so that it is told of; what is done is ours (end-session.ts).
      rpInitiatedLogout: { enabled: true },
      userinfo: { enabled: true },
    },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      IdToken: 300,
      Interaction: 900,
      Session: SESSION_S,
      Grant: SESSION_S,
    },
    // Claims belong to the user, who is asked for by the access token: programs need no second call to trust an ID token.
    conformIdTokenClaims: false,
    findAccount: async (_ctx, sub, token) => {
      const account = await findAccountById(deps.db, Number(sub))
      if (account?.active !== true || account.role === 'group') return undefined
      const sid = token !== undefined && 'sessionUid' in token ? token.sessionUid : undefined
      return {
        accountId: sub,
        claims: async () => ({
          sub,
          ...(sid === undefined ? {} : { sid }),
          name: account.name,
          preferred_username: account.name,
          email: account.email,
          email_verified: account.mailConfirmed,
          groups: (await listGroups(deps.db, { member: account.id, limit: 1000 })).map((group) => group.name),
        }),
      }
    },
    expiresWithSession: async () => true,
    loadExistingGrant: async (ctx) => await grantOf(provider, ctx),
    interactions: {
      url: (_ctx, { uid }) => `/oidc/interaction/${uid}`,
      policy: policyWith(deps, own),
    },
    renderError: async (ctx, { error, error_description: detail }) => {
      ctx.type = 'text/plain'
      ctx.body = `${error}: ${detail ?? 'the sign-in could not be continued'}\nGo back to the program that you came from and try again.\n`
    },
  } satisfies Configuration)
  // Behind the ingress, which says how the browser came.
  provider.proxy = true
  return provider
}

function privateJwkOf({ kid, privateJwk }: SigningKey) {
  return { ...privateJwk, kid, alg: OWN_ALGORITHM, use: 'sig' }
}

function clientOf({ id, secret, redirectUris, postLogoutRedirectUris = [] }: OidcClient) {
  return {
    client_id: id,
    client_secret: secret,
    redirect_uris: [...redirectUris],
    post_logout_redirect_uris: [...postLogoutRedirectUris],
    grant_types: ['authorization_code'],
    response_types: ['code' as const],
    token_endpoint_auth_method: 'client_secret_post' as const,
  }
}

async function grantOf(provider: Provider, { oidc }: KoaContextWithOIDC) {
  const { client, session } = oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const known = session.grantIdFor(client.clientId)
  const found = known === undefined ? undefined : await provider.Grant.find(known)
  if (found !== undefined) return found
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(scopes.join(' '))
  await grant.save()
  return grant
}

/** A sign-in is asked for unless our own session of this browser is the same person's. */
function policyWith({ db }: ApiDeps, own: OwnSession) {
  const { Check, base } = interactionPolicy
  const policy = base()
  const login = policy.get('login')
  login?.checks.add(
    new Check('own_session', 'nobody is signed in', async ({ req, oidc }) => {
      const session = await own(req)
      if (session === undefined || oidc.session?.accountId !== String(session.accountId)) return Check.REQUEST_PROMPT
      await noteOidcSession(db, session.rowId, oidc.session.uid)
      return Check.NO_NEED_TO_PROMPT
    }),
  )
  return policy
}
