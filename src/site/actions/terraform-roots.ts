import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Machines } from '../../clusters/profiles.ts'
import { type OutsideBackend, withOutsideBackend } from '../../clusters/outside-backend.ts'
import { clusterRoot, type LocalSite, type TerraformRoot, volumesRoot } from '../../clusters/root.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { modulesFor, writeRoot } from '../../clusters/write-root.ts'
import { machinesSchema } from '../layout.ts'
import { openPorts } from '../listen.ts'
import type { PortName } from '../site.ts'
import { rootOf } from './kept-terraform.ts'

const port = z.int()
/** A backend outside; empty: the site's journal. */
export const stateInput = z
  .strictObject({ backend: z.string().optional(), settings: z.record(z.string(), z.unknown()).default({}) })
  .prefault({})

export function outsideOf({ backend, settings }: z.infer<typeof stateInput>): OutsideBackend | undefined {
  return backend === undefined ? undefined : { backend, settings }
}

const input = z.strictObject({
  name: z.string(),
  machines: machinesSchema,
  domain: z.string(),
  ports: z.strictObject({ http: port, https: port, mongo: port, broker: port }),
  /** Address that other machines reach; empty: none. */
  listen: z.string().default(''),
  nodePorts: z.strictObject({ http: port, https: port, mongo: port, broker: port }),
  volumes: z.record(z.string(), z.int().positive()),
  kubernetesVersion: z.string(),
  socket: z.string(),
  folders: z.strictObject({ volumes: z.string(), cluster: z.string() }),
  modules: z.string(),
  state: stateInput,
})

export type TerraformRootsInput = z.infer<typeof input>

/** Lays the provider out for `tofu init`; done again after the tools changed. */
export type LayOutProvider = () => Promise<void>

/** Writes the roots of the stages `volumes` and `cluster` from the site, and the provider beside them. */
export function terraformRootsAction(layOutProvider: LayOutProvider): Action<TerraformRootsInput> {
  return {
    name: 'terraform-roots',
    input,
    locks: ({ folders }) => [folders.volumes, folders.cluster].map((folder) => rootLock(rootOf(folder))),
    observe: async ({ folders }) => {
      const there = [folders.volumes, folders.cluster].every((folder) => existsSync(join(folder, 'main.tf.json')))
      return { state: there ? 'present' : 'absent' }
    },
    ensure: async (values, context) => {
      await layOutProvider()
      for (const stage of ['volumes', 'cluster'] as const)
        await writeRoot(values.folders[stage], await localRoot(stage, values, values.folders[stage]))
      context.output(`${values.folders.volumes}\n${values.folders.cluster}`)
      return { changed: true, message: 'volumes and cluster written' }
    },
    // They go with the state folder.
    remove: async () => ({ changed: false, message: 'kept with the state' }),
  }
}

/** The root of one stage, as it is written to `folder`. */
export async function localRoot(
  stage: 'volumes' | 'cluster',
  values: TerraformRootsInput,
  folder: string,
): Promise<TerraformRoot> {
  const site = await localSite(values, folder)
  const root = stage === 'volumes' ? volumesRoot(site) : clusterRoot(site)
  return withOutsideBackend(root, stage, outsideOf(values.state))
}

/** What the roots in `folder` are written from. */
export async function localSite(values: TerraformRootsInput, folder: string): Promise<LocalSite> {
  const { name, domain, kubernetesVersion, socket, listen, ports, nodePorts, volumes } = values
  const names: readonly PortName[] = ['http', 'https', 'mongo', 'broker']
  const open = listen === '' ? [] : openPorts(ports)
  return {
    name,
    domain,
    kubernetesVersion,
    endpoint: `unix://${socket}`,
    ports: [
      ...names.map((port) => ({ host: ports[port], node: nodePorts[port] })),
      ...open.map(({ name: port, port: host }) => ({ host, node: nodePorts[port], address: listen })),
    ],
    volumes,
    machines: values.machines as Machines,
    modules: await modulesFor(folder, values.modules),
  }
}
