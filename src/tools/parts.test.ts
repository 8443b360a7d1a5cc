import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { localVersions, usualLocalVersion } from '../base/kubernetes-version.ts'
import { catalogue, groups, kubernetesTools, ldflagsOf, type Tool, toolsNamed } from './catalogue.ts'
import { cacheFolder } from './ensure.ts'
import { Estimate } from './estimate.ts'
import { notOlder } from './go.ts'
import { writeMirror } from './mirror.ts'
import { ensurePackages, type Run } from './packages.ts'
import { checkSpace } from './space.ts'

let work: string
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'tools-parts-'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

test('versions looked for on PATH are those that would be built', async () => {
  const tools: readonly Tool[] = catalogue
  for (const { name, module, package: path, version } of tools) {
    if (version === '') continue
    const pinned = await readFile(resolve(import.meta.dirname, '../..', module, 'go.mod'), 'utf8')
    const line = pinned.split('\n').find((text) => {
      const [required = ''] = text.trim().split(' ')
      return required.includes('/') && `${path}/`.startsWith(`${required}/`)
    })
    expect(`${name}: ${line} `).toContain(` v${version} `)
  }
})

test('each further version of Kubernetes is pinned in a module of its own, and built with that version in it', async () => {
  for (const version of localVersions.slice(1)) {
    const [tool] = kubernetesTools(version)
    const pinned = await readFile(resolve(import.meta.dirname, '../..', tool?.module ?? '', 'go.mod'), 'utf8')
    expect(pinned).toContain(`require k8s.io/kubernetes v${version}\n`)
    expect(ldflagsOf({ module: tool?.module ?? 'tools', version })).toContain(`gitVersion=v${version} `)
  }
  expect(ldflagsOf({ module: 'tools', version: '2.4.2' })).toContain(`gitVersion=v${usualLocalVersion} `)
})

test('tools are built group by group, each once', () => {
  const order = toolsNamed(['tofu', 'pause', 'etcd', 'pause']).map(({ name }) => name)
  expect(order).toEqual(['etcd', 'pause', 'tofu'])
})

const sayings: { tool: string; said: string; version: string }[] = [
  { tool: 'etcd', said: 'etcd Version: 3.7.3\nGit SHA: abc', version: '3.7.3' },
  { tool: 'kubectl', said: 'Client Version: v1.37.2\nKustomize Version: v5.8.1', version: '1.37.2' },
  { tool: 'containerd', said: 'containerd github.com/containerd/containerd/v2 2.4.2+unknown ', version: '2.4.2' },
  { tool: 'containerd', said: 'containerd github.com/containerd/containerd/v2 v2.4.2 abcdef', version: '2.4.2' },
  { tool: 'containerd-shim-runc-v2', said: 'containerd-shim-runc-v2:\n  Version:  v2.4.2\n', version: '2.4.2' },
  { tool: 'tofu', said: 'OpenTofu v1.12.6\non linux_amd64', version: '1.12.6' },
  { tool: 'helm', said: 'v4.3.1', version: '4.3.1' },
  { tool: 'kwok', said: 'kwok version v0.8.0 go1.26.8 (linux/amd64)', version: '0.8.0' },
]

for (const { tool, said, version } of sayings) {
  test(`${tool} says its version: ${said.split('\n')[0]}`, () => {
    const [found] = toolsNamed([tool as 'etcd'])
    expect(found?.ask?.pattern.exec(said)?.[1]).toBe(version)
  })
}

const versions: { version: string; than: string; is: boolean }[] = [
  { version: '1.26.6', than: '1.26.6', is: true },
  { version: '1.26.10', than: '1.26.6', is: true },
  { version: '1.27', than: '1.26.6', is: true },
  { version: '1.26.5', than: '1.26.6', is: false },
  { version: '1.9.9', than: '1.26.6', is: false },
]

for (const { version, than, is } of versions) {
  test(`Go ${version} is ${is ? 'new enough' : 'too old'} for ${than}`, () => expect(notOlder(version, than)).toBe(is))
}

test('the estimate shrinks while building and follows how fast it went', () => {
  const estimate = new Estimate(groups, 2)
  const atFirst = estimate.restSeconds()
  expect(estimate.restSeconds('control-plane', 60)).toBeLessThan(atFirst)
  estimate.done('control-plane', 5)
  expect(estimate.restSeconds()).toBeLessThan(60)
})

test('a disk that is too small is refused before the build, with both sizes', async () => {
  const needs = [{ folder: work, gb: 1e6, what: 'programs' }]
  await expect(checkSpace(needs)).rejects.toMatchObject({ code: 'no-disk-space', details: { neededGb: 1e6 } })
  await checkSpace([{ folder: work, gb: 0, what: 'programs' }])
})

test('the cache lies where the user said', () => {
  expect(cacheFolder({ CLOUDMGR_CACHE: '/big/disk' })).toBe('/big/disk')
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' })).toBe('/x/cloudmgr')
})

test('the mirror offers the provider to OpenTofu and Terraform, and nothing else', async () => {
  const binary = join(work, 'provider')
  await writeFile(binary, 'one')
  await writeMirror(join(work, 'mirror'), binary)
  await writeFile(binary, 'two')
  const { folder, cliConfig } = await writeMirror(join(work, 'mirror'), binary)
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  for (const host of ['registry.opentofu.org', 'registry.terraform.io']) {
    const file = join(folder, host, `omegaml/localcloud/0.1.0/linux_${arch}/terraform-provider-localcloud_v0.1.0`)
    expect(await readFile(file, 'utf8')).toBe('two')
    expect((await stat(file)).mode & 0o111).not.toBe(0)
  }
  expect(await readFile(cliConfig, 'utf8')).not.toContain('direct')
})

/** A Debian where `installed` lies; apt-get adds to it. */
function debian(installed: Set<string>, calls: string[], aptWorks = true): Run {
  return async (program, args) => {
    calls.push([program, ...args].join(' '))
    if (program === 'dpkg-query') {
      return {
        code: 1,
        output: args.map((name) => `${name} ${installed.has(name) ? 'installed' : 'not-installed'}`).join('\n'),
      }
    }
    if (args[0] === 'install' && !aptWorks) return { code: 100, output: 'E: Unable to locate package runc' }
    if (args[0] === 'install') for (const name of args.slice(3)) installed.add(name)
    return { code: 0, output: '' }
  }
}

test('missing Debian packages are installed by root, after saying so', async () => {
  const calls: string[] = []
  const said: string[] = []
  const run = debian(new Set(['ipset']), calls)
  expect(await ensurePackages(['runc', 'ipset'], { say: (line) => said.push(line), root: true, run })).toEqual(['runc'])
  expect(said).toEqual(['installing the Debian packages runc'])
  expect(await ensurePackages(['runc', 'ipset'], { say: () => {}, root: true, run })).toEqual([])
})

test('who is not root is told the line to type, and nothing is installed', async () => {
  const calls: string[] = []
  const result = ensurePackages(['runc', 'ipset'], { say: () => {}, root: false, run: debian(new Set(), calls) })
  await expect(result).rejects.toThrow('apt-get install --yes --no-install-recommends runc ipset')
  expect(calls.filter((call) => call.startsWith('apt-get install'))).toEqual([])
})

test('an apt-get that fails is told with its last words', async () => {
  const result = ensurePackages(['runc'], { say: () => {}, root: true, run: debian(new Set(), [], false) })
  await expect(result).rejects.toMatchObject({
    code: 'packages-missing',
    message: expect.stringContaining('Unable to locate'),
  })
})

test('a system without apt-get is told what it needs', async () => {
  const run: Run = async () => ({ code: 127, output: '' })
  await expect(ensurePackages(['runc'], { say: () => {}, run })).rejects.toThrow('neither Debian nor Ubuntu')
})
