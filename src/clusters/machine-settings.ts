import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { MachineDriver, RancherCloudName } from './rancher-root.ts'

/** What module rancher-cluster takes as settings of a driver's machines. */
export interface MachineSettings {
  readonly names: readonly string[]
  readonly needed: readonly string[]
}

export type MachineSettingsByCloud = Readonly<Record<RancherCloudName, MachineSettings>>

/** Read from the module itself, `terraform/rancher-cluster/<driver>.tf` and `hetzner/`: operators may change it. */
export function readMachineSettings(module: string): MachineSettingsByCloud {
  const of = (driver: MachineDriver): MachineSettings => {
    const text = readFileSync(join(module, `${driver}.tf`), 'utf8')
    const names = listAfter(text, new RegExp(`${driver}_names\\s*=\\s*(\\[[^\\]]*\\])`))
    const needed = listAfter(text, new RegExp(`setsubtract\\((\\[[^\\]]*\\]), try\\(keys\\(var\\.${driver}\\)`))
    if (names === undefined)
      throw new AppError('invalid', 'module-invalid', `${module}/${driver}.tf has no list ${driver}_names`)
    return { names, needed: needed ?? [] }
  }
  return {
    amazonec2: of('amazonec2'),
    azure: of('azure'),
    digitalocean: of('digitalocean'),
    google: of('google'),
    linode: of('linode'),
    openstack: of('openstack'),
    vsphere: of('vsphere'),
    hetzner: inputsOf(readFileSync(join(module, 'hetzner', 'variables.tf'), 'utf8')),
  }
}

/** What the root itself gives its machines. */
const rootsOwn = ['name', 'registration', 'hcloud_token', 'pools']

/** A module's inputs; without a default they are needed. */
function inputsOf(text: string): MachineSettings {
  const inputs = [...text.matchAll(/^variable "(\w+)" \{\n([\s\S]*?)^\}/gm)]
    .map(([, name = '', body = '']) => ({ name, needed: !/^ {2}default\s*=/m.test(body) }))
    .filter(({ name }) => !rootsOwn.includes(name))
  return { names: inputs.map(({ name }) => name), needed: inputs.flatMap((one) => (one.needed ? [one.name] : [])) }
}

function listAfter(text: string, pattern: RegExp): string[] | undefined {
  const list = pattern.exec(text)?.[1]
  return list === undefined ? undefined : (JSON.parse(list) as string[])
}
