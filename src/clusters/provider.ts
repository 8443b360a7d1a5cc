import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'

const nodeType = z.strictObject({ cores: z.number().positive().max(256), memoryGb: z.number().positive().max(4096) })

/** A chart that a cluster at this cloud lacks, installed before anything of ours. */
const clusterChart = z.strictObject({
  release: z.string().min(1),
  chart: z.string().min(1),
  version: z.string().regex(/^v?[0-9]+\.[0-9]+\.[0-9]+$/, 'an exact version, such as 1.2.3'),
  repository: z.url({ protocol: /^https$/ }),
  namespace: z.string().min(1),
  /** Nodes wait for it: its installation runs on nodes that are not ready. */
  bootstrap: z.boolean(),
  /** Not where this object is there already, whoever made it. */
  unless: z
    .strictObject({ apiVersion: z.string().min(1), kind: z.string().min(1), name: z.string().min(1) })
    .optional(),
  values: z.record(z.string(), z.unknown()).optional(),
})

export type ClusterChart = Readonly<z.infer<typeof clusterChart>>

const providerFile = z.strictObject({
  provider: z.string().regex(/^[a-z][a-z0-9]*$/),
  title: z.string().min(1),
  /** What one machine of a type has, by the name that people order. */
  nodeTypes: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), nodeType),
  /** Words that orders of every cloud understand, such as `small`, and the type that each is here. */
  sizes: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), z.string()).optional(),
  /** Variables that its plugin signs in with, by the parameters of plan credential. */
  credential: z
    .strictObject({
      key: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]*$/)
        .optional(),
      secret: z.string().regex(/^[A-Z][A-Z0-9_]*$/),
    })
    .optional(),
  /**
   * Where volumes are ordered of the cloud one by one: storage class of the PersistentVolumes in front of them. Left out
   * where a class of the cluster makes volumes on demand.
   */
  volumes: z.strictObject({ class: z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/) }).optional(),
  charts: z.array(clusterChart).optional(),
  /** Prometheus and Alertmanager where no Rancher brings them, for sites that want monitoring. */
  monitoring: clusterChart.optional(),
  /** NVIDIA's device plugin, for sites whose machines have GPUs. */
  gpu: clusterChart.optional(),
})

/** A cloud that nodes can be ordered of. */
export type Provider = Readonly<z.infer<typeof providerFile>>
export type NodeType = z.infer<typeof nodeType>

/** Reads `catalog/providers/<name>.yml`; the error names file, field and what is right. */
export function loadProvider(folder: string, name: string): Provider {
  const file = join(folder, `${name}.yml`)
  if (!existsSync(file)) {
    throw new AppError('invalid', 'provider-unknown', `there is no provider ${JSON.stringify(name)}: no file ${file}`)
  }
  const result = providerFile.safeParse(parse(readFileSync(file, 'utf8')))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new AppError('invalid', 'provider-invalid', `${file}: ${issue?.path.join('.')}: ${issue?.message}`)
}

export function hasNodeType(provider: Provider, name: string): boolean {
  return Object.hasOwn(provider.nodeTypes, machineTypeOf(provider, name))
}

/** The cloud's own word for a type. */
export function machineTypeOf({ sizes = {} }: Provider, name: string): string {
  return (Object.hasOwn(sizes, name) ? sizes[name] : undefined) ?? name
}

export function nodeTypeOf(provider: Provider, name: string): NodeType {
  const found = hasNodeType(provider, name) ? provider.nodeTypes[machineTypeOf(provider, name)] : undefined
  if (found !== undefined) return found
  const known = [...Object.keys(provider.sizes ?? {}), ...Object.keys(provider.nodeTypes)].join(', ')
  throw new AppError(
    'invalid',
    'node-type-unknown',
    `node-type ${JSON.stringify(name)} does not exist with provider ${provider.provider}; there are ${known}`,
    { details: { field: 'node-type', value: name, right: known } },
  )
}

/** What an account signs in at a cloud with, as plan credential has it. */
export interface CloudCredential {
  readonly name: string
  /** The cloud that it is for; the site's own when left out. */
  readonly provider?: string | undefined
  readonly key?: string | undefined
  readonly secret: string
}

/** The variables of a provider's plugin that sign in with this credential. Refusals name fields, never values. */
export function credentialEnv(provider: Provider, credential: CloudCredential): Readonly<Record<string, string>> {
  const { name, key, secret } = credential
  const variables = provider.credential
  const refuse = (field: string, problem: string, right: string) =>
    new AppError('invalid', 'credential-invalid', `credential ${name}: ${problem}; right is ${right}`, {
      details: { field, right },
    })
  if (credential.provider !== undefined && credential.provider !== provider.provider)
    throw refuse('credential', `is for provider ${credential.provider}`, `one for ${provider.provider}`)
  if (variables === undefined)
    throw refuse('credential', `provider ${provider.provider} takes none of an account’s`, 'to leave it out')
  if (variables.key === undefined) return { [variables.secret]: secret }
  if (key === undefined) throw refuse('key', `provider ${provider.provider} needs key`, 'the name of the key')
  return { [variables.key]: key, [variables.secret]: secret }
}
