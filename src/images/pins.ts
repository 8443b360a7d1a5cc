import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { IMAGES, type ImageName } from './catalogue.ts'

/** An image of somebody's registry, named by its digest alone: whatever else comes is not it. */
export interface Pin {
  readonly registry: string
  readonly repository: string
  readonly digest: string
}

export type Pins = Partial<Record<ImageName, Pin>>

const right = 'host/repository@sha256:<64 hex digits>, such as docker.io/library/rabbitmq@sha256:…'
const file = z.record(z.string(), z.string()).nullable()

/** Images that are pulled instead of built, by name. */
export function readPins(path: string): Pins {
  if (!existsSync(path)) throw wrong(path, 'it does not exist', '')
  const found = file.safeParse(parse(readFileSync(path, 'utf8')))
  if (!found.success) throw wrong(path, `it must hold lines of name: reference; right is ${right}`, '')
  return Object.fromEntries(
    Object.entries(found.data ?? {}).map(([name, text]) => {
      if (!Object.hasOwn(IMAGES, name))
        throw wrong(path, `there is no image ${name}; there are ${Object.keys(IMAGES).join(', ')}`, name)
      return [name, parsePin(text) ?? fail(path, name, text)]
    }),
  )
}

/** As people write it; what Docker leaves out is its own registry. */
export function parsePin(text: string): Pin | undefined {
  const match = /^([a-z0-9.-]+(?::\d+)?)\/([a-z0-9]+(?:[._/-][a-z0-9]+)*)(?::[\w.-]+)?@(sha256:[0-9a-f]{64})$/.exec(
    text,
  )
  if (match === null) return undefined
  const [, host = '', repository = '', digest = ''] = match
  if (!/[.:]|^localhost$/.test(host)) return undefined
  return { registry: host === 'docker.io' ? 'registry-1.docker.io' : host, repository, digest }
}

function fail(path: string, name: string, text: string): never {
  throw wrong(path, `${name} is "${text}"; right is ${right}`, name)
}

function wrong(path: string, problem: string, field: string): AppError {
  return new AppError('invalid', 'image-pins', `${path}: ${problem}`, { details: { field, path } })
}
