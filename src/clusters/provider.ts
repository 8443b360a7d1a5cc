import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'

const nodeType = z.strictObject({ cores: z.number().positive().max(256), memoryGb: z.number().positive().max(4096) })

const providerFile = z.strictObject({
  provider: z.string().regex(/^[a-z][a-z0-9]*$/),
  title: z.string().min(1),
  /** What one machine of a type has, by the name that people order. */
  nodeTypes: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), nodeType),
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
  return Object.hasOwn(provider.nodeTypes, name)
}

export function nodeTypeOf(provider: Provider, name: string): NodeType {
  const found = hasNodeType(provider, name) ? provider.nodeTypes[name] : undefined
  if (found !== undefined) return found
  const known = Object.keys(provider.nodeTypes).join(', ')
  throw new AppError(
    'invalid',
    'node-type-unknown',
    `node-type ${JSON.stringify(name)} does not exist with provider ${provider.provider}; there are ${known}`,
    { details: { field: 'node-type', value: name, right: known } },
  )
}
