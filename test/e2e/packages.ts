import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestSite } from './cli.ts'
import { kubectl } from './cluster.ts'

/** The account whose namespace holds the index: it is the only one of the cluster that its pods reach. */
export const packageOwner = 'olga'
export const packageIndex = `http://packages.om-${packageOwner}.svc.cluster.local:8080/simple`

/** Serves `packages.py`, as a company's own index would be, once the account is there. */
export async function servePackages(site: TestSite): Promise<void> {
  const metadata = { name: 'packages', namespace: `om-${packageOwner}`, labels: { app: 'packages' } }
  const worker = ['deployment', 'omegaml-worker', '-n', 'omegaml-runtime']
  const image = await kubectl(site, 'get', ...worker, '-o', 'jsonpath={.spec.template.spec.containers[0].image}')
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { 'packages.py': readFileSync(resolve(import.meta.dirname, 'packages.py'), 'utf8') },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: metadata.labels, ports: [{ port: 8080 }] },
    },
    { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpec(image) },
  ]
  const file = join(site.state, 'packages.json')
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  await kubectl(site, 'apply', '-f', file)
  await kubectl(site, 'wait', '-n', metadata.namespace, '--for=condition=Ready', 'pod/packages', '--timeout=60s')
}

function podSpec(image: string): object {
  const container = {
    name: 'packages',
    image,
    args: ['python3', '/srv/packages.py'],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'packages', mountPath: '/srv' }],
  }
  return {
    containers: [container],
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    volumes: [{ name: 'packages', configMap: { name: 'packages' } }],
  }
}
