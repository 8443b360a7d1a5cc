import { cpus } from 'node:os'
import { join } from 'node:path'
import { type Addresses, apiServiceAddress, podRange, ports, serviceRange } from './addresses.ts'
import { type CorefileOptions, corefile } from './dns.ts'
import { ensureFile } from './files.ts'
import { kubeconfig } from './kubeconfig.ts'
import type { ProgramSpec } from './launch.ts'
import type { CloudPaths } from './paths.ts'
import type { Identity } from '../base/certificate.ts'
import type { Pki } from './pki.ts'
import { users } from './system-objects.ts'

/** What the programs of the control plane are made from. */
export interface ControlPlane {
  readonly addresses: Addresses
  readonly paths: CloudPaths
  readonly pki: Pki
  readonly binDir: string
  /** Folder of Kubernetes' own programs, of the version that is meant. */
  readonly kubernetesDir: string
  /** Other registries whose images this cluster's own has: it answers for them. */
  readonly mirrors?: readonly string[]
}

interface Certificate extends Identity {
  readonly name: string
  readonly authority: 'ca' | 'front-proxy-ca' | 'etcd-ca'
}

/** Every certificate of the control plane: each program is somebody of its own. */
export function certificates({ bridge, uplink }: Addresses): Certificate[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']
  const local = ['localhost', '127.0.0.1']
  const site = [bridge.address, uplink.site]
  const metrics = ['metrics-server.kube-system.svc', bridge.address]
  return [
    {
      name: 'apiserver',
      authority: 'ca',
      commonName: 'kube-apiserver',
      names: [...service, ...local, apiServiceAddress, ...site],
    },
    {
      name: 'apiserver-kubelet',
      authority: 'ca',
      commonName: 'cloudmgr:kube-apiserver',
      organization: 'system:masters',
    },
    { name: 'front-proxy-client', authority: 'front-proxy-ca', commonName: 'front-proxy-client' },
    { name: 'etcd-server', authority: 'etcd-ca', commonName: 'etcd', names: local },
    { name: 'etcd-client', authority: 'etcd-ca', commonName: 'kube-apiserver' },
    { name: 'admin', authority: 'ca', commonName: 'cloudmgr', organization: 'system:masters' },
    { name: 'controller-manager', authority: 'ca', commonName: 'system:kube-controller-manager', names: local },
    { name: 'scheduler', authority: 'ca', commonName: 'system:kube-scheduler', names: local },
    { name: 'coredns', authority: 'ca', commonName: users.dns },
    { name: 'metrics-server', authority: 'ca', commonName: users.metrics, names: metrics },
    { name: 'kwok', authority: 'ca', commonName: users.simulator },
    { name: 'kube-proxy', authority: 'ca', commonName: users.proxy },
    { name: 'felix', authority: 'ca', commonName: users.felix },
    { name: 'calico-cni', authority: 'ca', commonName: users.cni },
    { name: 'registry', authority: 'ca', commonName: 'registry', names: [bridge.address] },
    { name: 'gateway', authority: 'ca', commonName: 'gateway', names: [uplink.host] },
  ]
}

export async function ensurePki(pki: Pki, addresses: Addresses): Promise<void> {
  await Promise.all(['ca', 'front-proxy-ca', 'etcd-ca'].map((name) => pki.ensureAuthority(name)))
  pki.ensureTokenKey('service-accounts')
  await Promise.all(
    certificates(addresses).map(({ name, authority, ...identity }) => pki.ensure(name, authority, identity)),
  )
}

/** The kubeconfig of one of the site's own programs, at the address by which machines reach the API server. */
export function ensureKubeconfig(
  { addresses, paths, pki }: ControlPlane,
  name: string,
): { file: string; text: string } {
  const server = `https://${addresses.bridge.address}:${addresses.ports.apiServer}`
  const text = kubeconfig(name, { server, ca: pki.read('ca').cert, credential: pki.read(name) })
  const file = join(paths.configs, `${name}.kubeconfig`)
  ensureFile(file, text)
  return { file, text }
}

export function netnsFile(netns: string): string {
  return `/run/netns/${netns}`
}

/** Where the site's own programs live; a simulated site's on the host itself. */
export function inside({ netns, simulated }: Addresses): Pick<ProgramSpec, 'netns'> {
  return simulated ? {} : { netns: netnsFile(netns) }
}

function etcdUrl(port: number): string {
  return `https://127.0.0.1:${port}`
}

export function etcd({ addresses, paths, pki, binDir }: ControlPlane): ProgramSpec {
  const [cert, key, ca] = [pki.file('etcd-server', 'crt'), pki.file('etcd-server', 'key'), pki.file('etcd-ca', 'crt')]
  const [client, peer] = [etcdUrl(addresses.ports.etcd), etcdUrl(addresses.ports.etcdPeer)]
  return {
    name: 'etcd',
    ...inside(addresses),
    command: [
      join(binDir, 'etcd'),
      '--name=site',
      `--data-dir=${paths.etcd}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=site=${peer}`,
      '--client-cert-auth',
      `--cert-file=${cert}`,
      `--key-file=${key}`,
      `--trusted-ca-file=${ca}`,
      '--peer-client-cert-auth',
      `--peer-cert-file=${cert}`,
      `--peer-key-file=${key}`,
      `--peer-trusted-ca-file=${ca}`,
      '--auto-compaction-retention=1h',
      '--snapshot-count=10000',
      '--log-level=warn',
    ],
    configs: [pki.read('etcd-server').cert],
  }
}

export function apiServer({ addresses, paths, pki, kubernetesDir }: ControlPlane): ProgramSpec {
  const crt = (name: string): string => pki.file(name, 'crt')
  const key = (name: string): string => pki.file(name, 'key')
  return {
    name: 'apiserver',
    ...inside(addresses),
    command: [
      join(kubernetesDir, 'kube-apiserver'),
      `--etcd-servers=${etcdUrl(addresses.ports.etcd)}`,
      `--etcd-cafile=${crt('etcd-ca')}`,
      `--etcd-certfile=${crt('etcd-client')}`,
      `--etcd-keyfile=${key('etcd-client')}`,
      `--secure-port=${addresses.ports.apiServer}`,
      `--bind-address=${addresses.simulated ? addresses.bridge.address : '0.0.0.0'}`,
      `--advertise-address=${addresses.bridge.address}`,
      // The loopback is no address that pods could be led to.
      ...(addresses.simulated ? ['--endpoint-reconciler-type=none'] : []),
      `--service-cluster-ip-range=${serviceRange}`,
      `--service-account-key-file=${pki.file('service-accounts', 'pub')}`,
      `--service-account-signing-key-file=${key('service-accounts')}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--client-ca-file=${crt('ca')}`,
      `--tls-cert-file=${crt('apiserver')}`,
      `--tls-private-key-file=${key('apiserver')}`,
      `--kubelet-client-certificate=${crt('apiserver-kubelet')}`,
      `--kubelet-client-key=${key('apiserver-kubelet')}`,
      `--kubelet-certificate-authority=${crt('ca')}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged',
      '--anonymous-auth=false',
      `--requestheader-client-ca-file=${crt('front-proxy-ca')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${crt('front-proxy-client')}`,
      `--proxy-client-key-file=${key('front-proxy-client')}`,
      '--enable-aggregator-routing',
      '--event-ttl=1h',
      '--profiling=false',
      '--shutdown-delay-duration=0s',
      `--cert-dir=${join(paths.configs, 'apiserver')}`,
    ],
    configs: [pki.read('apiserver').cert, pki.read('etcd-client').cert, pki.read('front-proxy-client').cert],
    graceMs: 10_000,
  }
}

/** A site has one of each: leader election would only make the next start wait for the last one's lease. */
export function controllerManager(site: ControlPlane): ProgramSpec {
  const { addresses, pki, kubernetesDir } = site
  const access = ensureKubeconfig(site, 'controller-manager')
  return {
    name: 'controller-manager',
    ...inside(addresses),
    command: [
      join(kubernetesDir, 'kube-controller-manager'),
      ...identityFlags(access.file),
      '--leader-elect=false',
      ...servingFlags(pki, 'controller-manager'),
      '--bind-address=127.0.0.1',
      `--secure-port=${addresses.ports.controllerManager}`,
      `--service-account-private-key-file=${pki.file('service-accounts', 'key')}`,
      `--root-ca-file=${pki.file('ca', 'crt')}`,
      // Claims that were seen before the volume they name wait for the next round; the usual 15 s are a long time for a pod.
      '--pvclaimbinder-sync-period=1s',
      '--use-service-account-credentials',
      '--allocate-node-cidrs',
      `--cluster-cidr=${podRange}`,
      '--node-cidr-mask-size=24',
      `--service-cluster-ip-range=${serviceRange}`,
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      '--profiling=false',
    ],
    configs: [access.text],
  }
}

export function scheduler(site: ControlPlane): ProgramSpec {
  const { addresses, pki, kubernetesDir } = site
  const access = ensureKubeconfig(site, 'scheduler')
  return {
    name: 'scheduler',
    ...inside(addresses),
    command: [
      join(kubernetesDir, 'kube-scheduler'),
      ...identityFlags(access.file),
      '--leader-elect=false',
      ...servingFlags(pki, 'scheduler'),
      '--bind-address=127.0.0.1',
      `--secure-port=${addresses.ports.scheduler}`,
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      '--profiling=false',
    ],
    configs: [access.text],
  }
}

export function metricsServer(site: ControlPlane): ProgramSpec {
  const { addresses, paths, pki, binDir } = site
  const access = ensureKubeconfig(site, 'metrics-server')
  return {
    name: 'metrics-server',
    ...inside(addresses),
    command: [
      join(binDir, 'metrics-server'),
      ...identityFlags(access.file),
      `--secure-port=${ports.metrics}`,
      `--bind-address=${addresses.bridge.address}`,
      `--tls-cert-file=${pki.file('metrics-server', 'crt')}`,
      `--tls-private-key-file=${pki.file('metrics-server', 'key')}`,
      `--cert-dir=${join(paths.configs, 'metrics-server')}`,
      `--kubelet-certificate-authority=${pki.file('ca', 'crt')}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--metric-resolution=15s',
    ],
    configs: [access.text],
  }
}

export function coreDns(
  site: ControlPlane,
  options: Pick<CorefileOptions, 'domain' | 'ingress' | 'upstreams'>,
): ProgramSpec {
  const { addresses, paths, binDir } = site
  const access = ensureKubeconfig(site, 'coredns')
  const text = corefile({ ...options, address: addresses.bridge.address, kubeconfig: access.file })
  const file = join(paths.configs, 'Corefile')
  ensureFile(file, text)
  return {
    name: 'coredns',
    ...inside(addresses),
    command: [join(binDir, 'coredns'), '-conf', file],
    env: { GOMAXPROCS: String(Math.min(2, cpus().length)) },
    configs: [access.text, text],
  }
}

function identityFlags(file: string): string[] {
  return [`--kubeconfig=${file}`, `--authentication-kubeconfig=${file}`, `--authorization-kubeconfig=${file}`]
}

function servingFlags(pki: Pki, name: string): string[] {
  return [`--tls-cert-file=${pki.file(name, 'crt')}`, `--tls-private-key-file=${pki.file(name, 'key')}`]
}
