import { mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { backendFile } from '../adapters/terraform/port.ts'
import type { TerraformRoot } from './root.ts'

/**
 * Writes a root into its folder, which is made (0700). Run `tofu init` after it, also when nothing changed: the lock
 * file is taken away, because the provider comes from our own verified cache and is rebuilt under the same version.
 */
export async function writeRoot(folder: string, root: TerraformRoot): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeJson(join(folder, 'terraform.tfvars.json'), root.variables)
  await writeJson(join(folder, 'main.tf.json'), root.main)
  if (root.backend === undefined) await rm(join(folder, backendFile), { force: true })
  else await writeJson(join(folder, backendFile), root.backend)
  await rm(join(folder, '.terraform.lock.hcl'), { force: true })
}

/** The value of `modules` for a root in `folder`, which is made. Terraform follows links before it goes up: so do we. */
export async function modulesFor(folder: string, modulesFolder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = relative(await realpath(folder), await realpath(modulesFolder))
  return path.startsWith('.') ? path : `./${path}`
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
