import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKubernetes } from '../../src/adapters/kubernetes/api.ts'
import type { Kubernetes } from '../../src/adapters/kubernetes/port.ts'
import { freePort, needProgram } from './programs.ts'
import type { Interruptible, ServerProcess } from './server-process.ts'
import { startServer, untilReady } from './server-process.ts'

/** Interrupted is its API server alone. */
export interface TestCluster extends Interruptible {
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly kubernetes: Kubernetes
  readonly folder: string
  stop(): Promise<void>
}

/** etcd, kube-apiserver and kube-controller-manager on loopback: objects and controllers are real, there are no nodes. */
export async function startCluster(): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-kube-'))
  const started: ServerProcess[] = []
  const stop = async (): Promise<void> => {
    for (const server of started.toReversed()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const etcd = await startEtcd(folder, started)
    const { kubeconfig, halt, resume } = await startApiServer(folder, etcd, started)
    const args = [
      `--kubeconfig=${kubeconfig}`,
      `--service-account-private-key-file=${join(folder, 'sa.key')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      `--cert-dir=${join(folder, 'kcm')}`,
      '--concurrent-gc-syncs=5',
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      // Pods of simulated nodes that were late once would stay unready: nobody is there who says otherwise.
      '--node-monitor-grace-period=600s',
    ]
    started.push(
      startServer(needProgram('kube-controller-manager'), args, { log: join(folder, 'controller-manager.log') }),
    )
    const kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
    await untilReady(
      'kube-controller-manager',
      started[2] as ServerProcess,
      join(folder, 'controller-manager.log'),
      async () => {
        // The controllers are at work when they have made the account that every namespace gets.
        return (
          (await kubernetes.find({
            apiVersion: 'v1',
            kind: 'ServiceAccount',
            name: 'default',
            namespace: 'default',
          })) !== undefined
        )
      },
    )
    return { kubeconfig, kubernetes, folder, stop, halt, resume }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startEtcd(folder: string, started: ServerProcess[]): Promise<string> {
  const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
  const log = join(folder, 'etcd.log')
  const args = [
    '--data-dir',
    join(folder, 'etcd'),
    '--unsafe-no-fsync',
    '--listen-client-urls',
    client,
    '--advertise-client-urls',
    client,
  ]
  const peers = [
    '--listen-peer-urls',
    peer,
    '--initial-advertise-peer-urls',
    peer,
    '--initial-cluster',
    `default=${peer}`,
  ]
  const etcd = startServer(needProgram('etcd'), [...args, ...peers], { log })
  started.push(etcd)
  await untilReady('etcd', etcd, log, async () => (await fetch(`${client}/health`)).ok)
  return client
}

async function startApiServer(
  folder: string,
  etcd: string,
  started: ServerProcess[],
): Promise<Interruptible & { readonly kubeconfig: string }> {
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const token = randomBytes(16).toString('hex')
  writeFileSync(join(folder, 'sa.key'), keys.privateKey, { mode: 0o600 })
  writeFileSync(join(folder, 'sa.pub'), keys.publicKey)
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 })
  const port = await freePort()
  const log = join(folder, 'apiserver.log')
  const args = [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'certs')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.99.0.0/24',
    `--service-account-key-file=${join(folder, 'sa.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--endpoint-reconciler-type=none',
    '--advertise-address=127.0.0.1',
  ]
  const begin = () => startServer(needProgram('kube-apiserver'), args, { log })
  let server = begin()
  const place = started.push(server) - 1
  const kubeconfig = join(folder, 'kubeconfig')
  const ready = async (): Promise<void> =>
    await untilReady('kube-apiserver', server, log, async () => {
      const ca = readFileSync(join(folder, 'certs', 'apiserver.crt'), 'utf8')
      writeKubeconfig(kubeconfig, `https://127.0.0.1:${port}`, ca, token)
      const kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
      return (await kubernetes.find({ apiVersion: 'v1', kind: 'Namespace', name: 'default' })) !== undefined
    })
  await ready()
  const halt = async (): Promise<void> => await server.kill()
  const resume = async (): Promise<void> => {
    server = begin()
    started[place] = server
    await ready()
  }
  return { kubeconfig, halt, resume }
}

function writeKubeconfig(path: string, server: string, ca: string, token: string): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  }
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
}
