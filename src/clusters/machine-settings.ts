import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { MachineDriver } from './rancher-root.ts'

/** What module rancher-cluster takes as settings of a driver's machines. */
export interface MachineSettings {
  readonly names: readonly string[]
  readonly needed: readonly string[]
}

export type MachineSettingsByDriver = Readonly<Record<MachineDriver, MachineSettings>>

/** Read from the module itself, `terraform/rancher-cluster/<driver>.tf`: operators may change it. */
export function readMachineSettings(module: string): MachineSettingsByDriver {
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
  }
}

function listAfter(text: string, pattern: RegExp): string[] | undefined {
  const list = pattern.exec(text)?.[1]
  return list === undefined ? undefined : (JSON.parse(list) as string[])
}
