import { minorOf, usualLocalVersion } from '../base/kubernetes-version.ts'

/** Order in which programs are built: the control plane first, so that it can start while the rest is built. */
export const groups = ['control-plane', 'node', 'own', 'policy', 'terraform', 'site'] as const
export type Group = (typeof groups)[number]

export interface Tool {
  readonly name: string
  readonly group: Group
  /** Go module below the project's folder. Calico needs versions of its own, as has each further Kubernetes. */
  readonly module: 'tools' | 'tools/calico' | `tools/kubernetes-${string}`
  /** What `go build` is given; for a file, the Go module it lies in. */
  readonly package: string
  /** Exactly this one is taken from PATH. Empty: the program is our own, or never on PATH as we need it. */
  readonly version: string
  /** The name `go build` gives the program, where that is not its own. */
  readonly output?: string
  /** How a program says its version; the pattern's first group is it. */
  readonly ask?: { readonly args: readonly string[]; readonly pattern: RegExp }
  /** Not a program: this file of the Go module `package`. */
  readonly file?: string
}

const containerd = '2.4.2'

function kube<Name extends string>(name: Name, group: Group) {
  const args = name === 'kubectl' ? ['version', '--client'] : ['--version']
  return {
    name,
    group,
    module: 'tools',
    package: `k8s.io/kubernetes/cmd/${name}`,
    version: usualLocalVersion,
    ask: { args, pattern: /^(?:Kubernetes|Client Version:) v(\S+)$/m },
  } as const
}

function ofContainerd<Name extends string>(name: Name, args: readonly string[] = ['--version']) {
  return {
    name,
    group: 'node',
    module: 'tools',
    package: `github.com/containerd/containerd/v2/cmd/${name}`,
    version: containerd,
    ask: { args, pattern: /(?:v2 v?|Version:\s+v?)(\d+\.\d+\.\d+)(?:\s|\+|$)/ },
  } as const
}

function own<Name extends string>(name: Name) {
  return { name, group: 'own', module: 'tools', package: `./cmd/${name}`, version: '' } as const
}

function ofCalico<Name extends string>(name: Name, packageName: string) {
  return { name, group: 'policy', module: 'tools/calico', package: packageName, version: '' } as const
}

export const catalogue = [
  {
    name: 'etcd',
    group: 'control-plane',
    module: 'tools',
    package: 'go.etcd.io/etcd/server/v3',
    version: '3.7.3',
    output: 'server',
    ask: { args: ['--version'], pattern: /^etcd Version: (\S+)$/m },
  },
  kube('kube-apiserver', 'control-plane'),
  kube('kube-controller-manager', 'control-plane'),
  kube('kube-scheduler', 'control-plane'),
  kube('kubelet', 'node'),
  kube('kube-proxy', 'node'),
  kube('kubectl', 'node'),
  ofContainerd('containerd'),
  ofContainerd('containerd-shim-runc-v2', ['-v']),
  ofContainerd('ctr'),
  own('closed-registry'),
  own('coredns'),
  own('image-registry'),
  own('pause'),
  own('terraform-provider-localcloud'),
  own('terraform-provider-standin'),
  ofCalico('calico-felix', 'github.com/projectcalico/calico/felix/cmd/calico-felix'),
  // The CNI plugin; its name is the `type` in the CNI configuration.
  ofCalico('calico', 'github.com/projectcalico/calico/cni-plugin/cmd/calico'),
  { ...ofCalico('calico-crds.yaml', 'github.com/projectcalico/calico'), file: 'manifests/crds.yaml' },
  {
    name: 'tofu',
    group: 'terraform',
    module: 'tools',
    package: 'github.com/opentofu/opentofu/cmd/tofu',
    version: '1.12.6',
    ask: { args: ['version'], pattern: /^OpenTofu v(\S+)$/m },
  },
  {
    name: 'helm',
    group: 'site',
    module: 'tools',
    package: 'helm.sh/helm/v4/cmd/helm',
    version: '4.3.1',
    ask: { args: ['version', '--template', '{{.Version}}'], pattern: /^v(\d+\.\d+\.\d+)$/m },
  },
  {
    name: 'kwok',
    group: 'site',
    module: 'tools',
    package: 'sigs.k8s.io/kwok/cmd/kwok',
    version: '0.8.0',
    ask: { args: ['--version'], pattern: /^kwok version v(\S+)/m },
  },
  {
    name: 'metrics-server',
    group: 'site',
    module: 'tools',
    package: 'sigs.k8s.io/metrics-server/cmd/metrics-server',
    version: '',
  },
  {
    name: 'kubeconform',
    group: 'site',
    module: 'tools',
    package: 'github.com/yannh/kubeconform/cmd/kubeconform',
    version: '',
  },
] as const satisfies readonly Tool[]

export type ToolName = (typeof catalogue)[number]['name']

/** Everything, tests' programs included. */
export const allTools: readonly ToolName[] = catalogue.map(({ name }) => name)

const onlyForTests: readonly ToolName[] = ['closed-registry', 'kubeconform', 'terraform-provider-standin']

/** What a site on this machine needs. */
export const siteTools: readonly ToolName[] = allTools.filter((name) => !onlyForTests.includes(name))

/** In the order in which they are built, each once. */
export function toolsNamed(names: readonly ToolName[]): readonly Tool[] {
  const ordered: readonly Tool[] = catalogue.toSorted((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group))
  return ordered.filter((tool) => (names as readonly string[]).includes(tool.name))
}

/** What is of a site's version of Kubernetes, and has a folder of its own for each. kubectl serves a minor version more and less. */
const kubernetesPrograms: readonly ToolName[] = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
]

/** The same programs of another version than the usual one, which is among all tools. */
export function kubernetesTools(version: string): readonly Tool[] {
  const module = `tools/kubernetes-${minorOf(version)}` as const
  return toolsNamed(kubernetesPrograms).map((tool) => ({ ...tool, module, version }))
}

/** The same for all of a module: a program's version is part of what it is. */
export function ldflagsOf({ module, version }: Pick<Tool, 'module' | 'version'>): string {
  const kubernetes = module.startsWith('tools/kubernetes-') ? version : usualLocalVersion
  return `-s -w -X k8s.io/component-base/version.gitVersion=v${kubernetes} -X github.com/opentofu/opentofu/version.dev=no`
}

/** What a group takes when nothing is in Go's caches, on two cores; and the space for its modules and objects. */
export const coldCosts: Readonly<Record<Group, { readonly seconds: number; readonly gb: number }>> = {
  'control-plane': { seconds: 520, gb: 5 },
  node: { seconds: 100, gb: 1.8 },
  own: { seconds: 40, gb: 0.6 },
  policy: { seconds: 130, gb: 2 },
  terraform: { seconds: 125, gb: 2 },
  site: { seconds: 30, gb: 0.6 },
}
