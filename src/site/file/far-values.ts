import { mergeTrees, type Tree } from '../../base/merge.ts'
import { pullSecretName } from '../pull-secret.ts'
import type { ChartValues } from './chart-values.ts'
import { isHetznerByRancher } from './rancher-machine.ts'
import type { SiteFile } from './schema.ts'

/** What the charts get of a site that is not on this computer. */
export function farValues(file: SiteFile): ChartValues {
  const pulled: Tree = file.images?.password === undefined ? {} : { imagePullSecrets: [pullSecretName] }
  return {
    // The claims stay when the release goes: `down` keeps data on every provider.
    'omegaml-storage': { keep: true },
    'omegaml-system': pulled,
    'omegaml-ingress': mergeTrees(pulled, { service: serviceOf(file) }),
    'omegaml-worker': pulled,
  }
}

/**
 * How the site is reached. At Hetzner the load balancer of the cluster's root leads to the chart's own node ports;
 * elsewhere the cluster's cloud makes one.
 */
function serviceOf({ provider }: SiteFile): Tree {
  if (provider.kind === 'hcloud' || isHetznerByRancher(provider)) return {}
  const chosen = (port: number) => ({ port, nodePort: 0 })
  return {
    type: 'LoadBalancer',
    ports: { http: chosen(80), https: chosen(443), mongodb: chosen(27017), broker: chosen(5671) },
  }
}
