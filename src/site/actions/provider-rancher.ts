import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import { backendFile } from '../../adapters/terraform/port.ts'
import type { RancherHandover } from '../../clusters/ordered-pools.ts'
import { outsideBackendIn } from '../../clusters/outside-backend.ts'
import { providerSecretMethods } from './provider-secret.ts'

const input = z.strictObject({
  cluster: z.string().min(1),
  namespace: z.string().min(1),
  url: z.string().min(1),
  /** Folder of the root of the cluster, as it was applied. */
  root: z.string().min(1),
})

export type ProviderRancherInput = z.infer<typeof input>

/**
 * How the engine in the cluster orders machines of its Rancher: the root of the cluster and what a run of it needs. Where the
 * state lies with the operator alone, or machines join by themselves, no secret is handed over, and orders say whom to ask.
 */
export function providerRancherAction(parts: {
  readonly kubernetes: Kubernetes
  /** Of a run: secrets of the root and of the backend. */
  readonly env: () => Readonly<Record<string, string>>
  readonly token: () => string
}): Action<ProviderRancherInput> {
  const { kubernetes, env, token } = parts
  const handover = async ({ url, root }: ProviderRancherInput): Promise<RancherHandover> => {
    const backend = outsideBackendIn(root)
    const { ordered: _ordered, observed: _observed, ...variables } = await json(root, 'terraform.tfvars.json')
    const { pools, custom } = variables
    if (custom === true || backend === undefined || backend === 'local')
      return { main: {}, variables: { pools, ...(custom === true ? { custom } : {}) }, env: {}, url, token: '' }
    return {
      main: await json(root, 'main.tf.json'),
      variables,
      backend: { name: backend, settings: await json(root, backendFile) },
      env: env(),
      url,
      token: token(),
    }
  }
  const methods = providerSecretMethods<ProviderRancherInput>(
    kubernetes,
    async (wanted) => {
      const settings = JSON.stringify(await handover(wanted))
      return { provider: 'rancher', cluster: wanted.cluster, settings }
    },
    ({ url }) => `names ${url}`,
  )
  return { name: 'provider-rancher', input, ...methods }
}

async function json(folder: string, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>
}
