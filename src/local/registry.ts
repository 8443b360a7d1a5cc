import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { AppError } from '../base/errors.ts'
import { ports } from './addresses.ts'
import { type ControlPlane, inside } from './control-plane.ts'
import { ensureFile } from './files.ts'
import type { ProgramSpec } from './launch.ts'

/** The site's images on one folder, served twice: for machines to pull, and for this host alone to push. */
export function pullRegistry(site: ControlPlane): ProgramSpec {
  const { addresses, paths, pki, binDir } = site
  const text = stringify({
    ...base,
    storage: { ...storage(paths.registry), maintenance: { readonly: { enabled: true } } },
    http: {
      addr: `${addresses.bridge.address}:${ports.registry}`,
      tls: { certificate: pki.file('registry', 'crt'), key: pki.file('registry', 'key') },
    },
  })
  const file = join(paths.configs, 'registry-pull.yml')
  ensureFile(file, text)
  return {
    name: 'registry-pull',
    ...inside(addresses),
    command: [join(binDir, 'image-registry'), 'serve', file],
    env: environment,
    configs: [text, pki.read('registry').cert],
  }
}

export function pushRegistry({ paths, binDir }: ControlPlane, port: number): ProgramSpec {
  const text = stringify({
    ...base,
    storage: { ...storage(paths.registry), delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  })
  const file = join(paths.configs, 'registry-push.yml')
  ensureFile(file, text)
  return {
    name: 'registry-push',
    command: [join(binDir, 'image-registry'), 'serve', file],
    env: environment,
    configs: [text],
  }
}

const base = { version: '0.1', log: { level: 'warn', accesslog: { disabled: true } } }

/** Its tracing would look for a collector on the loopback. */
const environment = { OTEL_TRACES_EXPORTER: 'none', GOGC: '50' }

function storage(folder: string): object {
  return { filesystem: { rootdirectory: folder } }
}

/** The first free port of the host's loopback from `first` on. */
export async function freePort(first: number): Promise<number> {
  for (let port = first; port < first + 500; port += 1) if (await isFree(port)) return port
  throw new AppError('conflict', 'no-port', `no free port between ${first} and ${first + 499} for the registry`)
}

/** Any free port of the loopback. */
export function anyFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
