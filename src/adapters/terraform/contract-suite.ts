import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Terraform } from './port.ts'
import { isEmpty } from './port.ts'

/** What every implementation keeps; the root needs no provider from outside. */
export function terraformContract(terraform: Terraform): void {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'cloudmgr-root-'))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  test('a root is created, found unchanged, changed and destroyed', async () => {
    await writeRoot(root, { a: 1, b: 1 })
    expect(await terraform.resources(root)).toEqual([])
    const first = await terraform.preview(root)
    expect(first.creates.toSorted()).toEqual(['terraform_data.a', 'terraform_data.b'])
    expect(first.held).toEqual([])
    const lines: string[] = []
    expect(await terraform.apply(root, { output: (line) => lines.push(line) })).toEqual({ size: 2 })
    expect(lines.join('\n')).toContain('complete')
    expect(await terraform.outputs(root)).toEqual({ size: 2 })
    expect(isEmpty(await terraform.preview(root))).toBe(true)

    await writeRoot(root, { a: 2 })
    const second = await terraform.preview(root)
    expect([second.changes, second.deletes, second.outputs]).toEqual([
      ['terraform_data.a'],
      ['terraform_data.b'],
      ['size'],
    ])
    expect(second.held.toSorted()).toEqual(['terraform_data.a', 'terraform_data.b'])
    await terraform.apply(root)
    expect(await terraform.resources(root)).toEqual(['terraform_data.a'])

    expect((await terraform.preview(root, { destroy: true })).deletes).toEqual(['terraform_data.a'])
    await terraform.apply(root)
    expect(await terraform.resources(root)).toEqual([])
  })

  test('applying without a preview is refused', async () => {
    await writeRoot(root, { a: 1 })
    await expect(terraform.apply(root)).rejects.toMatchObject({ name: 'AppError' })
  })

  test('a root that is no folder is invalid', async () => {
    await expect(terraform.preview(join(root, 'none'))).rejects.toMatchObject({
      kind: 'invalid',
      code: 'terraform-invalid',
    })
  })
}

async function writeRoot(root: string, inputs: Record<string, number>): Promise<void> {
  const resources = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, { input }]))
  const output = { size: { value: Object.keys(inputs).length } }
  await writeFile(join(root, 'main.tf.json'), JSON.stringify({ resource: { terraform_data: resources }, output }))
}
