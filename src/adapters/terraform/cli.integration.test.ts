import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { needProgram } from '../../../test/support/programs.ts'
import { createTerraformCli } from './cli.ts'
import { terraformContract } from './contract-suite.ts'

const folder = await mkdtemp(join(tmpdir(), 'cloudmgr-tofu-'))
const terraform = createTerraformCli({ program: needProgram('tofu'), folder })
afterAll(() => rm(folder, { recursive: true, force: true }))

terraformContract(terraform)

describe('the real program', () => {
  let root: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'cloudmgr-root-'))
  })
  afterAll(() => rm(root, { recursive: true, force: true }))
  const write = (content: object): Promise<void> => writeFile(join(root, 'main.tf.json'), JSON.stringify(content))

  test('a misspelt attribute is invalid and named', async () => {
    await write({ resource: { terraform_data: { a: { inptu: 1 } } } })
    const failing = terraform.preview(root)
    await expect(failing).rejects.toMatchObject({ kind: 'invalid', code: 'terraform-invalid' })
    await expect(failing.catch((error: Error) => (error.cause as Error).message)).resolves.toContain('inptu')
  })

  test('an output that a module does not have is invalid and named', async () => {
    await mkdir(join(root, 'module'), { recursive: true })
    const half = { output: { api_server: { value: 'x' } } }
    await writeFile(join(root, 'module', 'main.tf.json'), JSON.stringify(half))
    const output = { kubeconfig: { value: '${module.cluster.kubeconfig}' } }
    await write({ module: { cluster: { source: './module' } }, output })
    await expect(terraform.preview(root)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'terraform-invalid',
      cause: { message: expect.stringMatching(/kubeconfig/) },
    })
    await write({})
  })

  test('a provider nobody has is unavailable', async () => {
    await write({ terraform: { required_providers: { nope: { source: 'registry.invalid/a/nope' } } } })
    const message = expect.stringContaining('its provider can’t be fetched')
    await expect(terraform.preview(root)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'terraform-init-failed',
      message,
    })
  })

  test('a failing resource says why, and the next apply continues', async () => {
    const provisioner = [{ 'local-exec': { command: `test -e ${join(root, 'go')}` } }]
    await write({ resource: { terraform_data: { good: {}, bad: { provisioner } } } })
    await terraform.preview(root)
    await expect(terraform.apply(root)).rejects.toMatchObject({ kind: 'unavailable', code: 'terraform-failed' })
    expect(await terraform.resources(root)).toContain('terraform_data.good')
    await writeFile(join(root, 'go'), '')
    expect((await terraform.preview(root)).replaces).toEqual(['terraform_data.bad'])
    await terraform.apply(root)
    expect(await readdir(root)).not.toContain('cloudmgr.tfplan')
  })

  test('an abort lets the state be written', async () => {
    const started = join(root, 'started')
    const provisioner = [{ 'local-exec': { command: `touch ${started}; sleep 1` } }]
    await write({
      resource: { terraform_data: { quick: {}, slow: { input: '${terraform_data.quick.id}', provisioner } } },
    })
    await terraform.preview(root)
    expect((await stat(join(root, 'cloudmgr.tfplan'))).mode & 0o777).toBe(0o600)
    const abort = new AbortController()
    const applying = terraform.apply(root, { signal: abort.signal })
    applying.catch(() => undefined)
    await expect
      .poll(
        () =>
          stat(started).then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true)
    abort.abort(new Error('stopped'))
    await expect(applying).rejects.toThrow('stopped')
    expect(await terraform.resources(root)).toContain('terraform_data.quick')
  })
})
