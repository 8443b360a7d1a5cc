import assert from 'node:assert/strict'
import { test } from 'vitest'
import type { ChartName, Values } from './helm.ts'
import { renderText } from './helm.ts'

const cases: { chart: ChartName; values: Values; says: RegExp; why: string }[] = [
  { chart: 'omegaml-system', values: { mongdb: {} }, says: /'mongdb' not allowed/, why: 'a misspelt part is named' },
  {
    chart: 'omegaml-storage',
    values: { volumes: { mysql: { mode: 'csi', size: '10Gi' } } },
    says: /volumes\.mysql\.csi is missing.*csi\.volumeHandle/,
    why: 'a volume of the cloud needs its id',
  },
  {
    chart: 'omegaml-ingress',
    values: { tls: { issuer: { name: 'letsencrypt' } } },
    says: /tls\.secretName is missing: issuer letsencrypt/,
    why: 'an issuer needs a Secret to fill',
  },
  {
    chart: 'omegaml-system',
    values: { mongodb: { cacheSizeGB: 1 } },
    says: /'\/mongodb'.*'cacheSizeGB' not allowed/,
    why: 'a misspelt field is named with its place',
  },
  {
    chart: 'omegaml-system',
    values: { mongodb: { cacheSizeGb: 0.1 } },
    says: /'\/mongodb\/cacheSizeGb'.*0\.25/,
    why: 'a value out of range is told the least it may be',
  },
  {
    chart: 'omegaml-system',
    values: { mongodb: { storage: { mode: 'clam' } } },
    says: /must be one of 'claim', 'template', 'none'/,
    why: 'a wrong word is told the right ones',
  },
  {
    chart: 'omegaml-system',
    values: { images: { mysql: { repository: 'mariadb', digest: 'sha256:short' } } },
    says: /'\/images\/mysql\/digest'/,
    why: 'half a digest is refused',
  },
  {
    chart: 'omegaml-system',
    values: { mysql: { enabled: false } },
    says: /mysql\.external\.host is missing.*for example mysql\.example\.com/,
    why: 'a part that is off needs another service',
  },
  {
    chart: 'omegaml-system',
    values: { rabbitmq: { enabled: false, external: { host: 'mq.example.com' } } },
    says: /rabbitmq\.external\.managementUrl is missing/,
    why: 'an external broker needs its management API',
  },
  {
    chart: 'omegaml-system',
    values: { mongodb: { external: { host: 'db.example.com' } } },
    says: /mongodb\.external\.host is "db\.example\.com", but mongodb\.enabled is true/,
    why: 'another service that would not be used is a mistake',
  },
  {
    chart: 'omegaml-system',
    values: { jupyterhub: { external: { apiUrl: 'https://hub.example.com' } } },
    says: /jupyterhub\.external\.apiUrl is "https:\/\/hub\.example\.com", but jupyterhub\.enabled is true/,
    why: 'so is another hub',
  },
  {
    chart: 'omegaml-system',
    values: { mysql: { enabled: false, external: { host: '10.9.0.7', tls: true } } },
    says: /mysql\.external\.host is the address 10\.9\.0\.7.*give the name/,
    why: 'a certificate names no bare address',
  },
  {
    chart: 'omegaml-system',
    values: { mongodb: { enabled: false, external: { host: 'mongodb://db.example.com' } } },
    says: /'\/mongodb\/external\/host'/,
    why: 'a host is no URL',
  },
  {
    chart: 'omegaml-system',
    values: { images: { registry: 'https://registry.example.com/' } },
    says: /'\/images\/registry'/,
    why: 'a registry has no scheme, as in image names',
  },
  {
    chart: 'omegaml-system',
    values: { omegaweb: { enabled: false } },
    says: /omegaweb\.external\.internalUrl is missing/,
    why: 'without our API the hub needs another',
  },
  {
    chart: 'omegaml-system',
    values: { publicUrl: 'http://hub.other.example:8080' },
    says: /publicUrl.*is not below the domain "omega\.localhost"/,
    why: 'address and domain must belong together',
  },
  {
    chart: 'omegaml-system',
    values: { domain: 'localhost' },
    says: /'\/domain'/,
    why: 'the client refuses a domain without a dot',
  },
  {
    chart: 'omegaml-system',
    values: { omegaweb: { env: { DEBUG: 1 } } },
    says: /'\/omegaweb\/env\/DEBUG'.*want string/,
    why: 'variables are texts',
  },
  {
    chart: 'omegaml-storage',
    values: { volumes: { mysql: { mode: 'nfs', size: '1Gi' } } },
    says: /volumes\.mysql\.nfs is missing.*nfs\.server/,
    why: 'a share needs a server',
  },
  {
    chart: 'omegaml-storage',
    values: { volumes: { scratch: { mode: 'path' } } },
    says: /volumes\.scratch\.size is missing/,
    why: 'a volume needs a size',
  },
  {
    chart: 'omegaml-storage',
    values: { volumes: { mysql: { storageClass: 'fast' } } },
    says: /volumes\.mysql\.storageClass belongs to mode storageClass, but volumes\.mysql\.mode is path/,
    why: 'a field of another mode would be ignored without a word',
  },
  {
    chart: 'omegaml-storage',
    values: { volumes: { mysql: { size: 5 } } },
    says: /'\/volumes\/mysql\/size': got number, want string/,
    why: 'a size has a unit',
  },
  {
    chart: 'omegaml-storage',
    values: { volumes: { Bad_Name: { mode: 'path', size: '1Gi' } } },
    says: /Bad_Name/,
    why: 'a name that Kubernetes would refuse is refused first',
  },
  {
    chart: 'omegaml-storage',
    values: { path: { folder: '/mnt/../etc' } },
    says: /'\/path\/folder'/,
    why: 'a folder leads nowhere else',
  },
  {
    chart: 'omegaml-ingress',
    values: { ingress: { kind: 'traefik' } },
    says: /must be one of 'nginx', 'ingress', 'gateway'/,
    why: 'an unknown kind is told the known ones',
  },
  {
    chart: 'omegaml-ingress',
    values: { ingress: { kind: 'gateway' } },
    says: /ingress\.className is missing/,
    why: 'a Gateway needs a class',
  },
  {
    chart: 'omegaml-ingress',
    values: { ingress: { tlsRoute: true } },
    says: /ingress\.tlsRoute is for ingress\.kind=gateway, but ingress\.kind is nginx/,
    why: 'a TLSRoute belongs to a Gateway',
  },
  {
    chart: 'omegaml-ingress',
    values: { ingress: { kind: 'gateway', className: 'x', tlsRoute: true } },
    says: /tls\.secretName is missing/,
    why: 'what is passed through must end somewhere',
  },
  {
    chart: 'omegaml-ingress',
    values: { ingress: { kind: 'gateway', className: 'x', gatewayNamespace: 'infra' } },
    says: /ingress\.gatewayName is missing/,
    why: 'a namespace alone is no Gateway',
  },
  {
    chart: 'omegaml-ingress',
    values: { upstreams: { hub: { port: 8080 } } },
    says: /internal port that must not be reachable/,
    why: 'the internal port stays inside',
  },
  {
    chart: 'omegaml-ingress',
    values: { service: { ports: { http: { nodePort: 99_999 } } } },
    says: /'\/service\/ports\/http\/nodePort'.*65,?535/,
    why: 'no port is that high',
  },
  { chart: 'omegaml-ingress', values: { dns: 'kube-dns' }, says: /'\/dns'/, why: 'a name server has an address' },
  {
    chart: 'omegaml-ingress',
    values: { domain: 'x.example; return 200' },
    says: /'\/domain'/,
    why: 'nothing but a domain gets into the configuration of nginx',
  },
  { chart: 'omegaml-worker', values: { queues: [] }, says: /'\/queues'.*minItems/, why: 'a worker serves a queue' },
  {
    chart: 'omegaml-worker',
    values: { queues: ['a b'] },
    says: /'\/queues\/0'/,
    why: 'a label has no spaces, or the worker would take its rest for an option',
  },
  {
    chart: 'omegaml-worker',
    values: { internalUrl: 'http://omegaweb:8080' },
    says: /no dotted host name.*for example http:\/\/omegaweb\.omegaml-services/,
    why: 'the client refuses single-label hosts',
  },
  {
    chart: 'omegaml-worker',
    values: { autoscaling: { kind: 'hpa', minReplicas: 5 } },
    says: /maxReplicas 4 is below autoscaling\.minReplicas 5/,
    why: 'the most is not below the least',
  },
  {
    chart: 'omegaml-worker',
    values: { autoscaling: { kind: 'hpa', minReplicas: 0 } },
    says: /needs autoscaling\.kind keda/,
    why: 'CPU use cannot wake what does not run',
  },
  {
    chart: 'omegaml-worker',
    values: { autoscaling: { kind: 'keda' } },
    says: /autoscaling\.brokerSecret is missing/,
    why: 'queue lengths come from the broker',
  },
]

for (const { chart, values, says, why } of cases) {
  test(`${chart}: ${why}`, async () => {
    await assert.rejects(renderText(chart, values), says)
  })
}
