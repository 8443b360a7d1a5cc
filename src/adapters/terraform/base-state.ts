import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../base/errors.ts'

/** Fingerprint of the state that the last apply of a root began with. */
const BASE = 'cloudmgr-base'

/** Before an apply: what it leaves behind, if its state can't be written, follows this state and no other. */
export async function noteBase(root: string, env: Environment): Promise<void> {
  const present = await presentState(env)
  await (present === undefined ? rm(join(root, BASE), { force: true }) : writeFile(join(root, BASE), present))
}

/** Whether the state has not been written since `noteBase`; undefined where that can't be told. */
export async function isStillBase(root: string, env: Environment): Promise<boolean | undefined> {
  const base = await readFile(join(root, BASE), 'utf8').catch(() => undefined)
  const present = await presentState(env)
  return base === undefined || present === undefined ? undefined : base === present
}

type Environment = Readonly<Record<string, string>> | undefined

/** Of a backend `http`, asked as Terraform asks it (developer.hashicorp.com/terraform/language/backend/http). */
async function presentState(env: Environment = {}): Promise<string | undefined> {
  const { TF_HTTP_ADDRESS: address, TF_HTTP_USERNAME: user = '', TF_HTTP_PASSWORD: password = '' } = env
  if (address === undefined) return undefined
  const basic = Buffer.from(`${user}:${password}`).toString('base64')
  try {
    const answer = await fetch(address, { headers: { authorization: `Basic ${basic}` } })
    const text = await answer.text()
    if (answer.status === 404 || answer.status === 204) return 'none'
    if (answer.ok) return createHash('sha256').update(text).digest('hex')
    throw new Error(`HTTP ${answer.status}`)
  } catch (cause) {
    throw new AppError('unavailable', 'terraform-failed', 'reading the present state of a Terraform root', { cause })
  }
}
