import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ensureTools } from '../../src/tools/ensure.ts'

/** A thing of the stand-in's cloud, attributes as in Terraform's schema. */
export interface StandinThing {
  readonly type: string
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
}

/** What was asked of the stand-in: every create, update and delete, failed ones with their error. */
export interface StandinCall {
  readonly do: 'create' | 'update' | 'delete'
  readonly type: string
  /** Name of what was not made. */
  readonly id: string
  readonly error?: string
}

export interface StandinFault {
  readonly type: string
  /**
   * `quota`, `capacity`, `credentials`, `rate-limit`: refused, nothing is made. `timeout`, `partial`: made and in the
   * state, then failed (Terraform calls it tainted), as is a Rancher cluster whose machines met quota or capacity.
   * `lost`: made, and the state never hears of it.
   */
  readonly kind: 'quota' | 'capacity' | 'credentials' | 'rate-limit' | 'timeout' | 'partial' | 'lost'
  /** Default `create`. */
  readonly on?: 'create' | 'update' | 'delete' | 'read'
  /** Only things whose name holds this. */
  readonly name?: string
  /** How often; default once. */
  readonly times?: number
  /** Instead of the words that the real provider has for it. */
  readonly message?: string
}

/** Providers `rancher2` and `hcloud` without their clouds: what is ordered lies in a file, shared by all roots. */
export interface Standin {
  /** Folder with the providers, as `filesystem_mirror` expects it. */
  readonly mirror: string
  /** CLI configuration that names only this mirror: the value of TF_CLI_CONFIG_FILE. */
  readonly cliConfig: string
  /** What there is; of one type, when given. */
  things(type?: string): Promise<readonly StandinThing[]>
  calls(): Promise<readonly StandinCall[]>
  /** Adds a fault to those that are due. */
  fault(fault: StandinFault): Promise<void>
  /** Changes things as somebody outside would; `undefined` takes one away. */
  change(by: (thing: StandinThing) => StandinThing | undefined): Promise<void>
  /** Adds a thing that was there before. */
  seed(thing: StandinThing): Promise<void>
  /** Nothing is there, nothing was asked, nothing fails. */
  reset(): Promise<void>
}

const providers = ['rancher2', 'hcloud'] as const
/** OpenTofu and Terraform look for a provider without a host each in their own registry. */
const hosts = ['registry.opentofu.org', 'registry.terraform.io']

/**
 * Lays both providers out under `dir`, which is made; `others` are binaries of further ones by `namespace/type/version`.
 * rancher2 is there as `rancherVersions`, too, with the same schema.
 */
export async function createStandin(
  dir: string,
  others: Readonly<Record<string, string>> = {},
  rancherVersions: readonly string[] = [],
): Promise<Standin> {
  const { paths } = await ensureTools(['terraform-provider-standin'])
  const folder = join(resolve(dir), 'cloud')
  const mirror = join(resolve(dir), 'mirror')
  await mkdir(folder, { recursive: true })
  for (const provider of providers) {
    const schemas = resolve(import.meta.dirname, 'terraform/schemas', `${provider}.json`)
    const { address, version } = JSON.parse(await readFile(schemas, 'utf8')) as { address: string; version: string }
    const name = address.split('/').slice(1).join('/')
    for (const one of [version, ...(provider === 'rancher2' ? rancherVersions : [])])
      for (const at of await place(mirror, `${name}/${one}`, paths['terraform-provider-standin']))
        await writeFile(join(at, 'standin.json'), JSON.stringify({ schemas, folder }))
  }
  for (const [name, binary] of Object.entries(others)) await place(mirror, name, binary)
  const cliConfig = join(resolve(dir), 'tofurc')
  await writeFile(
    cliConfig,
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
  )
  return { mirror, cliConfig, ...looks(folder) }
}

/** `name` is `namespace/type/version`; the folders of the binary, one for each registry. */
async function place(mirror: string, name: string, binary: string): Promise<readonly string[]> {
  const [, type, version] = name.split('/')
  const folders = hosts.map((host) =>
    join(mirror, host, name, `linux_${process.arch === 'x64' ? 'amd64' : process.arch}`),
  )
  for (const folder of folders) {
    const file = join(folder, `terraform-provider-${type}_v${version}`)
    await mkdir(folder, { recursive: true })
    await copyFile(binary, file)
    await chmod(file, 0o755)
  }
  return folders
}

interface Contents {
  readonly things: StandinThing[] | null
  readonly calls: StandinCall[] | null
}

function looks(folder: string): Omit<Standin, 'mirror' | 'cliConfig'> {
  const thingsFile = join(folder, 'things.json')
  const faultsFile = join(folder, 'faults.json')
  const read = async (): Promise<Contents> => (await json(thingsFile)) ?? { things: [], calls: [] }
  return {
    things: async (type) => ((await read()).things ?? []).filter((thing) => type === undefined || thing.type === type),
    calls: async () => (await read()).calls ?? [],
    fault: async (fault) => {
      const due = (await json<object[]>(faultsFile)) ?? []
      await writeFile(faultsFile, JSON.stringify([...due, { times: 1, ...fault }]))
    },
    change: async (by) => {
      const contents = await read()
      const things = (contents.things ?? []).flatMap((thing) => by(thing) ?? [])
      await writeFile(thingsFile, JSON.stringify({ ...contents, things }))
    },
    seed: async (thing) => {
      const contents = await read()
      await writeFile(thingsFile, JSON.stringify({ ...contents, things: [...(contents.things ?? []), thing] }))
    },
    reset: async () => {
      await rm(thingsFile, { force: true })
      await rm(faultsFile, { force: true })
    },
  }
}

async function json<T>(file: string): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : (JSON.parse(text) as T)
}
