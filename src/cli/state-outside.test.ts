import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FakeOutside } from './fake-outside.ts'
import { testCli } from './testing.ts'

let folder = ''
let state = ''
let outside: FakeOutside

const { run: cli } = testCli((fresh) => void ({ folder, state, outside } = fresh))

function write(more: string): void {
  const pools = 'pools:\n  - {name: node, role: worker, cores: 4, memoryGb: 8}\n'
  writeFileSync(join(folder, 'site.yml'), `name: acme\nprovider: {kind: local}\n${pools}${more}\n`)
}

const s3 = (secrets = '{AWS_SECRET_ACCESS_KEY: {env: S3_KEY}}') =>
  `state: {backend: s3, settings: {bucket: acme, key: "sites/{root}.tfstate"}, secrets: ${secrets}}`

const json = (path: string) => JSON.parse(readFileSync(join(state, path), 'utf8')) as Record<string, unknown>

test('the roots get the backend of the file, each a state of its own, and no secret lies in them', async () => {
  outside.env['S3_KEY'] = 'hunter22'
  write(s3())
  expect(await cli('up')).toBe(0)
  expect(json('terraform/volumes/main.tf.json')).toMatchObject({ terraform: { backend: { s3: {} } } })
  expect(json('terraform/volumes/backend.tfbackend.json')).toEqual({ bucket: 'acme', key: 'sites/volumes.tfstate' })
  expect(json('terraform/cluster/backend.tfbackend.json')).toEqual({ bucket: 'acme', key: 'sites/cluster.tfstate' })
  expect(statSync(join(state, 'terraform/cluster/backend.tfbackend.json')).mode & 0o777).toBe(0o600)
  const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const { parentPath, name } of files)
    expect(readFileSync(join(parentPath, name), 'utf8'), name).not.toContain('hunter22')
  // Nor in the cluster: only components' secrets go there.
  const secrets = await outside.kubernetes.list({ apiVersion: 'v1', kind: 'Secret' }, {})
  expect(JSON.stringify(secrets)).not.toContain(Buffer.from('hunter22').toString('base64').slice(0, 10))
  expect(await cli('plan')).toBe(0)
})

test('words about states say what they can’t do there', async () => {
  outside.env['S3_KEY'] = 'hunter22'
  write(s3())
  await cli('up')
  outside.printed()
  expect(await cli('state', 'list')).toBe(0)
  expect(outside.printed().out).toMatch(/cluster .*kept by backend s3: versions and locks are that one's/)
  expect(await cli('state', 'show', 'cluster')).toBe(0)
  expect(outside.printed().out).toContain('module.cluster')
  for (const words of [
    ['history', 'cluster'],
    ['restore', 'cluster', '1', '--yes'],
    ['unlock', 'cluster', '--yes'],
  ]) {
    expect(await cli('state', ...words), words[0]).toBe(4)
    expect(outside.printed().err).toContain('force-unlock ID')
  }
})

test('a site keeps its states where they are', async () => {
  write('')
  await cli('up')
  outside.printed()
  outside.env['S3_KEY'] = 'hunter22'
  write(s3())
  for (const word of ['plan', 'up']) {
    expect(await cli(word)).toBe(4)
    expect(outside.printed().err).toContain('the Terraform states of site acme lie with the site')
  }
})

test('secrets that are not there are told before anything is made', async () => {
  write(s3())
  expect(await cli('up')).toBe(2)
  expect(outside.printed().err).toMatch(
    /site\.yml:5: state\.secrets\.AWS_SECRET_ACCESS_KEY: variable S3_KEY is not there/,
  )
  expect(existsSync(state)).toBe(false)
})
