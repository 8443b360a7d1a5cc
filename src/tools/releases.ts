import { createHash } from 'node:crypto'
import type { Tool, ToolName } from './catalogue.ts'

/** What a publisher offers for download: an archive or the program itself, with a file of checksums. */
export interface Release {
  /** Host and path of the file, without a scheme: a mirror keeps the same layout below its own URL. */
  readonly file: string
  /** Of the checksums: lines of `sum  name`, or the sum of this one file alone. */
  readonly checksums: string
  /** The program's place in the archive; left out, the file is the program. */
  readonly member?: string
}

type Arch = 'amd64' | 'arm64'

const github = (project: string, version: string) => `github.com/${project}/releases/download/v${version}`

function kubernetes(name: string) {
  return (version: string, arch: Arch): Release => {
    const file = `dl.k8s.io/v${version}/bin/linux/${arch}/${name}`
    return { file, checksums: `${file}.sha256` }
  }
}

/** Its programs are linked statically: they run wherever a built one does. */
function containerd(name: string) {
  return (version: string, arch: Arch): Release => {
    const file = `${github('containerd/containerd', version)}/containerd-static-${version}-linux-${arch}.tar.gz`
    return { file, checksums: `${file}.sha256sum`, member: `bin/${name}` }
  }
}

/**
 * Programs that their publishers offer with a checksum file. The others are always built: our own, CoreDNS (ours has
 * fewer plugins), and Calico, kwok and metrics-server, whose releases have no program with a checksum of its own.
 */
const offered: Partial<Record<ToolName, (version: string, arch: Arch) => Release>> = {
  etcd: (version, arch) => {
    const [base, folder] = [github('etcd-io/etcd', version), `etcd-v${version}-linux-${arch}`]
    return { file: `${base}/${folder}.tar.gz`, checksums: `${base}/SHA256SUMS`, member: `${folder}/etcd` }
  },
  'kube-apiserver': kubernetes('kube-apiserver'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kubelet: kubernetes('kubelet'),
  'kube-proxy': kubernetes('kube-proxy'),
  kubectl: kubernetes('kubectl'),
  containerd: containerd('containerd'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
  ctr: containerd('ctr'),
  tofu: (version, arch) => {
    const base = github('opentofu/opentofu', version)
    const [file, checksums] = [`tofu_${version}_linux_${arch}.tar.gz`, `tofu_${version}_SHA256SUMS`]
    return { file: `${base}/${file}`, checksums: `${base}/${checksums}`, member: 'tofu' }
  },
  helm: (version, arch) => {
    const file = `get.helm.sh/helm-v${version}-linux-${arch}.tar.gz`
    return { file, checksums: `${file}.sha256sum`, member: `linux-${arch}/helm` }
  },
}

export function releaseOf(tool: Tool, arch: string = process.arch): Release | undefined {
  const name = arch === 'x64' ? 'amd64' : arch === 'arm64' ? 'arm64' : undefined
  if (name === undefined || tool.version === '') return undefined
  return offered[tool.name as ToolName]?.(tool.version, name)
}

/** Of a program in the cache that came from a release; `undefined` where none is offered. */
export function releaseKey(tool: Tool): string | undefined {
  const release = releaseOf(tool)
  if (release === undefined) return undefined
  const digest = createHash('sha256')
    .update(`${release.file} ${release.member ?? ''}`)
    .digest('hex')
  return `release-${digest.slice(0, 16)}`
}

/** `$CLOUDMGR_RELEASES`: where releases come from. */
export type ReleaseSource = { readonly kind: 'publishers' } | { readonly kind: 'off' } | ReleaseMirror
interface ReleaseMirror {
  readonly kind: 'mirror'
  /** Without a slash at its end. */
  readonly url: string
}

/** Nothing: the publishers. `off`: everything is built. A URL: a mirror with the publishers' hosts and paths below it. */
export function releaseSource(text: string | undefined): ReleaseSource | undefined {
  if (text === undefined || text === '') return { kind: 'publishers' }
  if (text === 'off') return { kind: 'off' }
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  return { kind: 'mirror', url: text.replace(/\/+$/, '') }
}

export function urlOf(path: string, source: Exclude<ReleaseSource, { kind: 'off' }>): string {
  return source.kind === 'mirror' ? `${source.url}/${path}` : `https://${path}`
}

/** The sum that a checksum file names for a file; `undefined` when it names none. */
export function sumIn(text: string, file: string): string | undefined {
  const name = file.split('/').at(-1) ?? ''
  for (const line of text.split('\n')) {
    const [, sum, named] = /^([0-9a-f]{64})(?:\s+\*?(\S+))?\s*$/i.exec(line.trim()) ?? []
    if (sum === undefined) continue
    if (named === undefined || named.split('/').at(-1) === name) return sum.toLowerCase()
  }
  return undefined
}
