import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { clusterDomain, dnsServiceAddress, type MachineNames, podRange, ports } from './addresses.ts'
import { daemonFiles } from './cgroups.ts'
import { type ControlPlane, ensureKubeconfig, netnsFile } from './control-plane.ts'
import { ensureFile } from './files.ts'
import { kubeconfig } from './kubeconfig.ts'
import type { ProgramSpec } from './launch.ts'
import { labelsOfItsOwn, type MachineRecord, nodeLabels, reserved } from './machine.ts'

export const pauseImage = 'localhost/cloudmgr/pause:1'
export const containerdSocket = '/run/containerd/containerd.sock'
export const felixHealthPort = 9099

/** One machine with everything its programs are made from. */
export interface MachineSite extends ControlPlane {
  readonly record: MachineRecord
  readonly names: MachineNames
  readonly folder: string
}

/** Names of a machine's programs, in the order in which they are stopped. */
export const machinePrograms = ['kubelet', 'kube-proxy', 'felix', 'containerd'] as const

export function programName(machine: string, program: (typeof machinePrograms)[number]): string {
  return `${machine}.${program}`
}

function program(site: MachineSite, name: (typeof machinePrograms)[number]): Omit<ProgramSpec, 'command'> {
  return {
    name: programName(site.record.name, name),
    netns: netnsFile(site.names.netns),
    mountNamespace: site.names.mountNamespace,
    cgroupFiles: daemonFiles(site.names.cgroup),
  }
}

export function containerd(site: MachineSite): ProgramSpec {
  const { folder, binDir, addresses, pki } = site
  const registry = `${addresses.bridge.address}:${ports.registry}`
  const hosts = `server = "https://${registry}"\n[host."https://${registry}"]\n  capabilities = ["pull", "resolve"]\n  ca = ${quoted(pki.file('ca', 'crt'))}\n`
  for (const name of [registry, ...(site.mirrors ?? [])]) ensureFile(join(folder, 'certs.d', name, 'hosts.toml'), hosts)
  const text = containerdConfig(folder, binDir)
  const file = join(folder, 'containerd.toml')
  ensureFile(file, text)
  ensureFile(join(folder, 'cni', '10-calico.conflist'), cniConfig(site))
  return {
    ...program(site, 'containerd'),
    command: [join(binDir, 'containerd'), '-c', file],
    env: {
      PATH: `${binDir}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      OTEL_TRACES_EXPORTER: 'none',
    },
    configs: [text],
  }
}

/** Own folders for everything that several on one host would otherwise share; no NRI, which has one fixed socket. */
function containerdConfig(folder: string, binDir: string): string {
  return `version = 3
root = ${quoted(imageStore(folder))}
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs"]

[grpc]
  address = "${containerdSocket}"

[debug]
  level = "warn"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = [${quoted(binDir)}, "/usr/lib/cni", "/opt/cni/bin"]
  conf_dir = ${quoted(join(folder, 'cni'))}

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${pauseImage}"

[plugins."io.containerd.cri.v1.images".registry]
  config_path = ${quoted(join(folder, 'certs.d'))}
`
}

/** Where containerd of a machine keeps images and layers. */
export function imageStore(folder: string): string {
  return join(folder, 'containerd')
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function cniConfig(site: MachineSite): string {
  const { record, folder } = site
  const calico = {
    type: 'calico',
    datastore_type: 'kubernetes',
    nodename: record.name,
    nodename_file_optional: true,
    log_level: 'warning',
    log_file_path: join(folder, 'calico-cni.log'),
    log_file_max_size: 5,
    log_file_max_count: 1,
    mtu: 1500,
    ipam: { type: 'host-local', subnet: 'usePodCidr', dataDir: '/var/lib/cni/networks' },
    policy: { type: 'k8s' },
    kubernetes: { kubeconfig: ensureKubeconfig(site, 'calico-cni').file },
  }
  const plugins = [calico, { type: 'portmap', capabilities: { portMappings: true } }]
  return JSON.stringify({ name: 'k8s-pod-network', cniVersion: '0.3.1', plugins }, null, 2)
}

export function kubelet(site: MachineSite): ProgramSpec {
  const { record, names, folder, kubernetesDir } = site
  const identity = nodeIdentity(record.name)
  const access = nodeKubeconfig(site, identity)
  const text = kubeletConfig(site, identity)
  const file = join(folder, 'kubelet.yml')
  ensureFile(file, text)
  const labels = Object.entries(labelsOfItsOwn(nodeLabels(record))).map(([key, value]) => `${key}=${value}`)
  return {
    ...program(site, 'kubelet'),
    command: [
      join(kubernetesDir, 'kubelet'),
      `--config=${file}`,
      `--kubeconfig=${access.file}`,
      `--hostname-override=${record.name}`,
      `--node-ip=${names.address}`,
      '--root-dir=/var/lib/kubelet',
      '--cert-dir=/var/lib/kubelet/pki',
      ...(labels.length > 0 ? [`--node-labels=${labels.join(',')}`] : []),
    ],
    configs: [text, access.text],
  }
}

export function nodeIdentity(machine: string): string {
  return `node-${machine}`
}

function nodeKubeconfig({ addresses, folder, pki }: MachineSite, identity: string): { file: string; text: string } {
  const server = `https://${addresses.bridge.address}:${addresses.ports.apiServer}`
  const text = kubeconfig(identity, { server, ca: pki.read('ca').cert, credential: pki.read(identity) })
  const file = join(folder, 'kubelet.kubeconfig')
  ensureFile(file, text)
  return { file, text }
}

function kubeletConfig({ record, names, folder, pki }: MachineSite, identity: string): string {
  const keep = reserved(record, { cores: cpus().length, memoryKb: Math.floor(totalmem() / 1024) })
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${names.cgroup}`,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    authentication: {
      anonymous: { enabled: false },
      x509: { clientCAFile: pki.file('ca', 'crt') },
      webhook: { enabled: true },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: pki.file(identity, 'crt'),
    tlsPrivateKeyFile: pki.file(identity, 'key'),
    address: names.address,
    clusterDNS: [dnsServiceAddress],
    clusterDomain,
    resolvConf: join(folder, 'resolv.conf'),
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    maxPods: 110,
    serializeImagePulls: false,
    registerWithTaints: record.taints,
    systemReserved: { cpu: keep.cpu, memory: keep.memory },
    // The disk is the host's: only its real end counts, not a share of it.
    evictionHard: {
      'memory.available': `${keep.evictKb}Ki`,
      'nodefs.available': '1Gi',
      'imagefs.available': '1Gi',
      'nodefs.inodesFree': '1%',
    },
    imageGCHighThresholdPercent: 98,
    imageGCLowThresholdPercent: 96,
  })
}

export function kubeProxy(site: MachineSite): ProgramSpec {
  const { record, kubernetesDir } = site
  const access = ensureKubeconfig(site, 'kube-proxy')
  return {
    ...program(site, 'kube-proxy'),
    command: [
      join(kubernetesDir, 'kube-proxy'),
      `--kubeconfig=${access.file}`,
      `--hostname-override=${record.name}`,
      '--proxy-mode=nftables',
      `--cluster-cidr=${podRange}`,
      '--conntrack-max-per-core=0',
      '--oom-score-adj=0',
      '--healthz-bind-address=127.0.0.1:10256',
      '--metrics-bind-address=127.0.0.1:10249',
    ],
    env: { GOGC: '50' },
    configs: [access.text],
  }
}

export function felix(site: MachineSite): ProgramSpec {
  const { record, names, binDir } = site
  const access = ensureKubeconfig(site, 'felix')
  return {
    ...program(site, 'felix'),
    command: [join(binDir, 'calico-felix')],
    env: {
      KUBECONFIG: access.file,
      FELIX_DATASTORETYPE: 'kubernetes',
      FELIX_FELIXHOSTNAME: record.name,
      FELIX_IPV6SUPPORT: 'false',
      FELIX_LOGFILEPATH: 'none',
      FELIX_LOGSEVERITYSYS: 'none',
      FELIX_LOGSEVERITYSCREEN: 'Warning',
      FELIX_IPTABLESBACKEND: 'NFT',
      FELIX_DEFAULTENDPOINTTOHOSTACTION: 'ACCEPT',
      FELIX_USAGEREPORTINGENABLED: 'false',
      FELIX_HEALTHENABLED: 'true',
      FELIX_HEALTHHOST: names.address,
      FELIX_HEALTHPORT: String(felixHealthPort),
      GOGC: '50',
    },
    configs: [access.text],
  }
}
