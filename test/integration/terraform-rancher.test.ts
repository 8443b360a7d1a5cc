import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTerraformCli } from '../../src/adapters/terraform/cli.ts'
import { isEmpty, type Preview, type Terraform } from '../../src/adapters/terraform/port.ts'
import { needProgram } from '../support/programs.ts'
import { createStandin, type Standin } from '../support/standin.ts'

/** Module `rancher-cluster` and its examples with the real OpenTofu, against stand-ins of rancher2 and hcloud. */
const modules = resolve(import.meta.dirname, '../../terraform')

let work: string
let standin: Standin
let terraform: Terraform

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'tf-rancher-'))
  standin = await createStandin(join(work, 'standin'))
  terraform = createTerraformCli({ program: needProgram('tofu'), folder: join(work, 'cli'), mirror: standin.mirror })
  await cp(join(modules, 'rancher-cluster'), join(work, 'rancher-cluster'), { recursive: true })
})

afterAll(async () => {
  await rm(work, { recursive: true, force: true })
})

beforeEach(() => standin.reset())

const access = {
  RANCHER_URL: 'https://rancher.example.com',
  RANCHER_TOKEN_KEY: 'token-abcde:secret',
  HCLOUD_TOKEN: '0123456789abcdef'.repeat(4),
}

async function preview(folder: string, variables: Record<string, unknown> = {}, destroy = false): Promise<Preview> {
  return await terraform.preview(folder, { env: { ...access, ...asEnv(variables) }, destroy })
}

async function apply(folder: string, variables: Record<string, unknown> = {}): Promise<void> {
  await preview(folder, variables)
  await terraform.apply(folder, { env: { ...access, ...asEnv(variables) } })
}

async function destroy(folder: string, variables: Record<string, unknown> = {}): Promise<void> {
  await preview(folder, variables, true)
  await terraform.apply(folder, { env: { ...access, ...asEnv(variables) } })
}

function asEnv(variables: Record<string, unknown>): Record<string, string> {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [`TF_VAR_${name}`, text(value)]))
}

const s3 = { access_key: 'AKIA', secret_key: 's' }
const examples: Record<string, Record<string, unknown>> = {
  amazonec2: { credential: s3, vpc_id: 'vpc-1', subnet_id: 'subnet-1', ami: 'ami-1' },
  azure: { credential: { client_id: 'c', client_secret: 's', subscription_id: 'u', tenant_id: 't' } },
  digitalocean: { credential: { access_token: 't' } },
  google: { credential: { auth_encoded_json: '{}' }, project: 'p' },
  linode: { credential: { token: 't' } },
  openstack: { credential: { password: 'p' }, auth_url: 'https://keystone.example.com/v3', username: 'u' },
  vsphere: { credential: { username: 'u', password: 'p', vcenter: 'vcenter.example.com' } },
}
const roles = ['control', 'dbmaster', 'ingress', 'system', 'worker']

describe.each(Object.entries(examples))('the example %s', (driver, variables) => {
  const folder = () => join(work, 'rancher-cluster/examples', driver)

  test('makes what it says, finds it unchanged, and takes all of it away', async () => {
    const { creates } = await preview(folder(), variables)
    expect(creates.toSorted()).toEqual(
      [
        `module.cluster.rancher2_cloud_credential.${driver}[0]`,
        'module.cluster.rancher2_cluster_sync.this',
        'module.cluster.rancher2_cluster_v2.this',
        ...roles.map((role) => `module.cluster.rancher2_machine_config_v2.${driver}["${role}"]`),
        'module.cluster.rancher2_namespace.this["omegaml-runtime"]',
        'module.cluster.rancher2_namespace.this["omegaml-services"]',
        'module.cluster.rancher2_project.this',
      ].toSorted(),
    )
    await apply(folder(), variables)
    expect(isEmpty(await preview(folder(), variables))).toBe(true)
    await destroy(folder(), variables)
    expect(await standin.things()).toEqual([])
  })
})
