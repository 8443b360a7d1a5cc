import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

/** By which programs are told of an authority: of Go and OpenSSL, Node, Python, curl, pip. */
export const authorityVariables = [
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'PIP_CERT',
] as const

const systemBundle = '/etc/ssl/certs/ca-certificates.crt'
const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'] as const

/** The files that variables name, and by which. */
export function namedAuthorities(env: Env): { path: string; variables: string[] }[] {
  const found = new Map<string, string[]>()
  for (const variable of authorityVariables) {
    const path = env[variable]
    if (path !== undefined && path !== '') found.set(path, [...(found.get(path) ?? []), variable])
  }
  return [...found].map(([path, variables]) => ({ path, variables }))
}

/** What a proxy is called by; apt reads the small letters only, other programs the capital ones. */
export function proxyOf(env: Env, name: (typeof proxies)[number]): string | undefined {
  return env[name] || env[name.toUpperCase()] || undefined
}

/**
 * How a company's network is reached, said in the words of every tool that fetches something: npm, pip, Go, apt. Each has
 * its own variables, and people set those of the one that failed first. `bundle`: where a file with all authorities,
 * the system's among them, may be written.
 */
export function companyVariables(env: Env, bundle: string): Record<string, string> {
  const told = proxies.flatMap((name) => {
    const value = proxyOf(env, name)
    return value === undefined ? [] : [[name, value] as const, [name.toUpperCase(), value] as const]
  })
  const files = namedAuthorities(env).map(({ path }) => path)
  const authorities =
    files.length === 0 ? [] : authorityVariables.map((name) => [name, together(files, bundle)] as const)
  return Object.fromEntries([...told, ...authorities])
}

/** One of the files where it is the system's own, else a new one that holds them all. */
function together(files: readonly string[], bundle: string): string {
  // Of a program that was started with it.
  if (files.every((path) => path === bundle)) return bundle
  const known = [
    ...new Set([systemBundle, ...files].filter((path) => existsSync(path)).map((path) => realpathSync(path))),
  ]
  const others = known.filter((path) => path !== bundle)
  const [first = files[0] ?? systemBundle] = others
  // What is named and not there stays as it is: whoever needs it says so.
  if (others.length < 2) return first
  const text = others.map((path) => readFileSync(path, 'utf8').trimEnd()).join('\n')
  mkdirSync(dirname(bundle), { recursive: true, mode: 0o700 })
  if (!existsSync(bundle) || readFileSync(bundle, 'utf8') !== `${text}\n`) writeFileSync(bundle, `${text}\n`)
  return bundle
}
