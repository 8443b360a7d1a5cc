import { type Check, failedCheck as failed, passedCheck as passed } from './checks.ts'

/** How this environment says the outside is reached. */
export interface CompanyFacts {
  /** By variable. */
  readonly proxies: Readonly<Record<string, string>>
  readonly authorities: readonly {
    readonly path: string
    readonly variables: readonly string[]
    readonly there: boolean
  }[]
}

/** Decides whether a company's proxy and authority are named so that npm, pip, Go and apt can use them. */
export function companyChecks({ proxies, authorities }: CompanyFacts): Check[] {
  return [...proxyChecks(proxies), ...authorityChecks(authorities)]
}

function proxyChecks(proxies: CompanyFacts['proxies']): Check[] {
  const named = Object.entries(proxies)
  if (named.length === 0) return [passed('proxy', 'none named', false)]
  const wrong = named.filter(([, value]) => hostOf(value) === undefined)
  if (wrong.length === 0) {
    const what = named.map(([variable, value]) => `${variable} ${hostOf(value)}`).join(', ')
    return [passed('proxy', `${what}: handed to npm, pip, Go, apt and image builds`)]
  }
  // Its value may hold a password.
  const detail = `${wrong.map(([variable]) => variable).join(', ')} names no address`
  return [failed('proxy', detail, 'write it like http://proxy.example.org:3128, or unset it')]
}

/** Without user and password. */
function hostOf(text: string): string | undefined {
  const url = URL.parse(text)
  return url !== null && /^(https?|socks5h?):$/.test(url.protocol) && url.host !== '' ? url.host : undefined
}

function authorityChecks(authorities: CompanyFacts['authorities']): Check[] {
  if (authorities.length === 0) return [passed('authorities', "the system's", false)]
  const missing = authorities.filter(({ there }) => !there)
  if (missing.length === 0) {
    const what = authorities.map(({ path, variables }) => `${path} (${variables.join(', ')})`).join('; ')
    return [passed('authorities', `${what}: handed to npm, pip, Go and image builds beside the system's`)]
  }
  const what = missing.map(({ path, variables }) => `${variables.join(', ')} names ${path}`).join('; ')
  return [failed('authorities', `${what}, which is not there`, 'put the file there, or unset the variable')]
}
