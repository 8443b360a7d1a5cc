import { chmod, copyFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

export interface Mirror {
  /** Folder that holds the providers, as `filesystem_mirror` expects it. */
  readonly folder: string
  /** CLI configuration that names only this mirror: the value of TF_CLI_CONFIG_FILE. Nothing is fetched from outside. */
  readonly cliConfig: string
}

const version = '0.1.0'
/** OpenTofu and Terraform look for a provider without a host each in their own registry. */
const hosts = ['registry.opentofu.org', 'registry.terraform.io']

/** Lays the provider out under `dir` so that `tofu init` finds it. May be repeated; the last binary given counts. */
export async function writeMirror(dir: string, providerBinary: string): Promise<Mirror> {
  const folder = resolve(dir)
  for (const host of hosts) {
    await place(providerBinary, join(folder, host, 'omegaml/localcloud', version, platform(), fileName()))
  }
  const cliConfig = join(folder, 'tofurc')
  await replace(
    cliConfig,
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(folder)}\n  }\n}\n`,
  )
  return { folder, cliConfig }
}

function fileName(): string {
  return `terraform-provider-localcloud_v${version}`
}

function platform(): string {
  return `linux_${process.arch === 'x64' ? 'amd64' : process.arch}`
}

// A running Terraform may hold the old file open: it keeps it, the new one takes its name.
async function place(binary: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  // Beside the version's folder: a stray file within would count in the provider's checksum.
  const temporary = join(dirname(dirname(dirname(target))), `.new-${process.pid}`)
  await copyFile(binary, temporary)
  await chmod(temporary, 0o755)
  await rename(temporary, target)
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.${process.pid}`, text)
  await rename(`${path}.${process.pid}`, path)
}
