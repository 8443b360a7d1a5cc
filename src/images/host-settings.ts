import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from './process.ts'

/** Settings of pip that people give by environment; pip reads them from a file as well. */
const PIP_VARIABLES = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_TRUSTED_HOST', 'PIP_PROXY', 'PIP_DEFAULT_TIMEOUT']

/**
 * How a build reaches the package registries the way this host does: its certificates (company proxies have their own
 * authority), its pip, npm and apt settings. Mounted while building and never part of an image.
 */
export async function hostMounts(cache: string): Promise<string[]> {
  const pipSettings = join(cache, 'host', 'pip.conf')
  await mkdir(join(cache, 'host'), { recursive: true, mode: 0o700 })
  await writeFile(pipSettings, pipFile(process.env), { mode: 0o600 })
  const aptSettings = join(cache, 'host', 'apt.conf')
  await writeFile(aptSettings, await aptFile(), { mode: 0o644 })
  const readOnly: [host: string, inside: string][] = [
    ['/etc/ssl/certs', '/etc/ssl/certs'],
    ...authorities(process.env),
    ['/usr/local/share/ca-certificates', '/usr/local/share/ca-certificates'],
    [aptSettings, '/etc/apt/apt.conf'],
    [pipSettings, '/etc/xdg/pip/pip.conf'],
    [process.env['PIP_CONFIG_FILE'] ?? '/etc/pip.conf', '/etc/pip.conf'],
    [join(homedir(), '.config/pip/pip.conf'), '/root/.config/pip/pip.conf'],
    [process.env['NPM_CONFIG_USERCONFIG'] ?? join(homedir(), '.npmrc'), '/root/.npmrc'],
  ]
  const downloads: [host: string, inside: string][] = [
    [join(cache, 'downloads/pip'), '/root/.cache/pip'],
    [join(cache, 'downloads/npm'), '/root/.npm'],
    [join(cache, 'downloads/apt'), '/var/cache/apt'],
    [join(cache, 'downloads/apt-lists'), '/var/lib/apt/lists'],
  ]
  for (const [host] of downloads) await mkdir(host, { recursive: true })
  return [
    ...readOnly.filter(([host]) => existsSync(host)).map(([host, inside]) => `${host}:${inside}:ro`),
    ...downloads.map(([host, inside]) => `${host}:${inside}:rw`),
  ]
}

const bundle = '/etc/ssl/certs/ca-certificates.crt'

/** Authorities that only variables of this host name lie where everything inside looks for the system's. */
export function authorities({ SSL_CERT_FILE }: Readonly<Record<string, string | undefined>>): [string, string][] {
  return SSL_CERT_FILE === undefined || SSL_CERT_FILE === bundle ? [] : [[SSL_CERT_FILE, bundle]]
}

/** How the host's apt reaches its servers (proxies, certificates); its hooks and the rest are no business of an image. */
async function aptFile(): Promise<string> {
  const dump = await runProgram('apt-config', ['dump']).catch(() => ({ stdout: '' }))
  return dump.stdout.split('\n').filter(isTransport).join('\n').concat('\n')
}

function isTransport(line: string): boolean {
  return /^Acquire::(http|https|ftp|Retries|ForceIPv4)\b/i.test(line)
}

/** pip has a bundle of its own unless it is told of the system's. */
export function pipFile(env: Readonly<Record<string, string | undefined>>): string {
  const lines = ['[global]', `cert = ${bundle}`]
  for (const variable of PIP_VARIABLES) {
    const value = env[variable]
    if (value === undefined) continue
    lines.push(
      `${variable.slice('PIP_'.length).toLowerCase().replaceAll('_', '-')} = ${value.split(/\s+/).join('\n  ')}`,
    )
  }
  return `${lines.join('\n')}\n`
}
