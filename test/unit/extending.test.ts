import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { afterAll, expect, test } from 'vitest'
import { parsePlan } from '../../src/catalog/load.ts'
import { loadProvider } from '../../src/clusters/provider.ts'

/** docs/extending.md: what it shows works, and what it names is there. */
const project = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(project, 'docs', 'extending.md'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-extending-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '')
const named = [...page.matchAll(/`((?:src|catalog|charts|terraform|images|test|scripts|docs)\/[\w./-]+)`/g)].map(
  (match) => match[1] ?? '',
)
const actions = new Set(
  readdirSync(join(project, 'catalog', 'plans')).flatMap((file) => {
    const { steps = [] } = parse(readFileSync(join(project, 'catalog', 'plans', file), 'utf8')) as {
      steps?: { action: string }[]
    }
    return steps.map(({ action }) => action)
  }),
)

test('the plan is one', () => {
  const plan = parsePlan(examples[0] ?? '', 'note.yml', actions)
  expect(plan).toMatchObject({ plan: 'note', orderable: 'user', steps: [{ action: 'kubernetes-apply' }] })
})

test('the provider is one', () => {
  writeFileSync(join(folder, 'example.yml'), examples[1] ?? '')
  expect(loadProvider(folder, 'example').nodeTypes).toHaveProperty('large')
})

test('every path is there', () => {
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((path) => !existsSync(join(project, path)))).toEqual([])
})

test('the component of the example stands in every place of the table', () => {
  const table = page.slice(page.indexOf('## A component'), page.indexOf('What keeps data also'))
  const places = [...table.matchAll(/`((?:src|catalog|charts|images)\/[\w./-]+)`/g)].map((match) => match[1] ?? '')
  expect(places.length).toBeGreaterThan(8)
  for (const path of places.filter((one) => /\.\w+$/.test(one)))
    expect(readFileSync(join(project, path), 'utf8'), path).toContain('rabbitmq')
})

test('modules of clusters have what the page says that they have in common', () => {
  for (const module of ['local', 'hcloud-cluster', 'rancher-cluster']) {
    const at = (file: string) => join(project, 'terraform', module, file)
    const text = (file: string) => readFileSync(at(file), 'utf8')
    for (const file of ['variables.tf', 'outputs.tf', 'README.md', 'examples'])
      expect(existsSync(at(file)), `${module}/${file}`).toBe(true)
    expect(text('outputs.tf'), module).toMatch(/output "kubeconfig" \{[^}]*sensitive\s*=\s*true/)
    const variables = text('variables.tf').match(/^variable /gm)?.length
    expect(text('variables.tf').match(/^ {2}description = /gm)?.length, module).toBe(variables)
  }
})

test('actions have the parts of the table', () => {
  const text = readFileSync(join(project, 'src/actions/action.ts'), 'utf8')
  for (const part of ['input', 'locks', 'observe', 'ensure', 'remove', 'things'])
    expect(text).toMatch(new RegExp(`^ {2}(readonly )?${part}\\??[:(]`, 'm'))
})
