import { createFakeHelm } from '../../src/adapters/helm/fake.ts'
import { createFakeJupyterhub } from '../../src/adapters/jupyterhub/fake.ts'
import { createFakeKubernetes, type FakeKubernetes } from '../../src/adapters/kubernetes/fake.ts'
import { createFakeMongodb, type FakeMongodb } from '../../src/adapters/mongodb/fake.ts'
import { createFakeNetwork } from '../../src/adapters/network/fake.ts'
import { createFakeRabbitmq } from '../../src/adapters/rabbitmq/fake.ts'
import { createFakeScripts } from '../../src/adapters/scripts/fake.ts'
import { createFakeTerraform } from '../../src/adapters/terraform/fake.ts'

/** Everything that accounts' plans reach, in memory. */
export function createFakeOutside() {
  return {
    mongodb: createFakeMongodb(),
    rabbitmq: createFakeRabbitmq(),
    jupyterhub: createFakeJupyterhub(),
    kubernetes: withLoadBalancers(createFakeKubernetes()),
    helm: createFakeHelm(),
    network: createFakeNetwork(),
    scripts: createFakeScripts({}),
    // Where a cloud would put an ordered volume.
    terraform: createFakeTerraform({
      outputs: (root) => {
        const [, kind, name = ''] = /\/(volume|cluster)-([^/]+)$/.exec(root) ?? []
        if (kind === 'cluster')
          return {
            kubeconfig: 'clusters: []',
            api_server: 'https://10.0.2.2:6443',
            dns: '10.0.3.1',
            cluster_id: 'c-m-abcdefgh',
          }
        return kind === undefined ? {} : { paths: { [name]: `/mnt/volumes/${name}` } }
      },
    }),
  }
}

/** A cloud gives each an address at once. */
function withLoadBalancers(kubernetes: FakeKubernetes): FakeKubernetes {
  const status = { loadBalancer: { ingress: [{ hostname: 'lb.example.org' }] } }
  const find: FakeKubernetes['find'] = async (ref) => {
    const found = await kubernetes.find(ref)
    const { type } = (found?.['spec'] ?? {}) as { type?: string }
    return found !== undefined && type === 'LoadBalancer' ? { ...found, status } : found
  }
  return { ...kubernetes, find }
}

/** A cluster beside the site's own. Its tokens are made at once. */
export function createFakeCluster() {
  const kubernetes = createFakeKubernetes()
  const token = { token: Buffer.from('TOKEN').toString('base64') }
  const find: typeof kubernetes.find = async (ref) => {
    const found = await kubernetes.find(ref)
    return found?.['type'] === 'kubernetes.io/service-account-token' ? { ...found, data: token } : found
  }
  return { kubernetes: { ...kubernetes, find }, helm: createFakeHelm() }
}

/** The accounts' own database servers, by host. */
export function createFakeServers() {
  const servers = new Map<string, FakeMongodb>()
  const openMongodb = ({ host }: { readonly host: string }) => {
    const server = servers.get(host) ?? createFakeMongodb()
    servers.set(host, server)
    return server
  }
  return { servers, openMongodb }
}
