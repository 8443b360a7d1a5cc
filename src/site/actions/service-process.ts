import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { CloudControl } from '../operator.ts'
import { replaceFile, type SiteSecrets } from '../secrets.ts'

const input = z.strictObject({
  cluster: z.string().min(1),
  /** Where database, configuration and passing files lie. */
  folder: z.string().min(1),
  kubeconfig: z.string().min(1),
  /** Of the portal and API on the loopback. */
  port: z.int(),
  /** Folder of the portal's pages; empty where they are not built. */
  pages: z.string(),
  /** What the service knows of its site. */
  facts: z.record(z.string(), z.unknown()),
})

export type ServiceProcessInput = z.infer<typeof input>

export interface ServiceProcessDeps {
  readonly cloud: Pick<CloudControl, 'gateway' | 'keepProcess' | 'programs'>
  readonly secrets: () => SiteSecrets
  /** Folder of the programs that its engine calls. */
  readonly tools: () => string
  /** Of `src/main.ts`. */
  readonly program: string
}

const name = 'cloudmgr'

/** The service as a process of this host, kept by the local cloud: for sites whose machines run no pods. */
export function serviceProcessAction(deps: ServiceProcessDeps): Action<ServiceProcessInput> {
  return {
    name: 'service-process',
    input,
    locks: () => ['service-process'],
    observe: async () => {
      const found = (await deps.cloud.programs()).find((program) => program.name === `process-${name}`)
      return { state: found === undefined ? 'absent' : found.alive ? 'present' : 'different' }
    },
    ensure: async (wanted) => {
      const { folder } = wanted
      mkdirSync(join(folder, 'tmp'), { recursive: true, mode: 0o700 })
      const facts = `${JSON.stringify(wanted.facts, null, 2)}\n`
      const text = `${JSON.stringify({ env: await variables(wanted, deps) }, null, 2)}\n`
      replaceFile(join(folder, 'site.yml'), facts)
      replaceFile(join(folder, 'config.json'), text)
      const command = [process.execPath, deps.program, 'serve', 'simulated', '--config', join(folder, 'config.json')]
      const version = createHash('sha256').update(facts).update(text).digest('hex').slice(0, 16)
      await deps.cloud.keepProcess(name, { command, version })
      return { changed: true, message: `API and engine run on this host, port ${wanted.port}` }
    },
    // It goes with the cluster; what it wrote goes with the state folder.
    remove: async () => ({ changed: false, message: 'goes with the cluster' }),
  }
}

/** What the service's pods get from charts and Secrets elsewhere. */
async function variables(wanted: ServiceProcessInput, deps: ServiceProcessDeps): Promise<Record<string, string>> {
  const { folder } = wanted
  const { settingsKeys, engineKeys, bootstrapKey } = deps.secrets()
  const { url, ca, token } = await deps.cloud.gateway()
  return {
    PATH: `${deps.tools()}:/usr/local/bin:/usr/bin:/bin`,
    HOME: folder,
    TMPDIR: join(folder, 'tmp'),
    CLOUDMGR_DATABASE_URL: `sqlite:${join(folder, 'service.db')}`,
    CLOUDMGR_MEMORY: join(folder, 'simulated.sealed'),
    CLOUDMGR_KUBECONFIG: wanted.kubeconfig,
    CLOUDMGR_SITE: join(folder, 'site.yml'),
    CLOUDMGR_SETTINGS_KEYS: settingsKeys,
    CLOUDMGR_ENGINE_KEYS: engineKeys,
    CLOUDMGR_BOOTSTRAP_KEY: bootstrapKey,
    CLOUDMGR_LISTEN: '127.0.0.1',
    CLOUDMGR_PUBLIC_PORT: String(wanted.port),
    CLOUDMGR_PROVIDER: 'local',
    CLOUDMGR_PROVIDER_SIMULATED: 'yes',
    CLOUDMGR_PROVIDER_CLUSTER: wanted.cluster,
    CLOUDMGR_PROVIDER_ENDPOINT: url,
    CLOUDMGR_PROVIDER_CA: ca,
    CLOUDMGR_PROVIDER_TOKEN: token,
    ...(wanted.pages === '' ? {} : { CLOUDMGR_PAGES: wanted.pages }),
  }
}
