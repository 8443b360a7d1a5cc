import { createFakeHelm } from '../../src/adapters/helm/fake.ts'
import { createFakeJupyterhub } from '../../src/adapters/jupyterhub/fake.ts'
import { createFakeKubernetes } from '../../src/adapters/kubernetes/fake.ts'
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
    kubernetes: createFakeKubernetes(),
    helm: createFakeHelm(),
    network: createFakeNetwork(),
    scripts: createFakeScripts({}),
    // Where a cloud would put an ordered volume.
    terraform: createFakeTerraform({
      outputs: (root) => {
        const [, name] = /\/volume-([^/]+)$/.exec(root) ?? []
        return name === undefined ? {} : { paths: { [name]: `/mnt/volumes/${name}` } }
      },
    }),
  }
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
