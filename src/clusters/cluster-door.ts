import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Manifest } from '../adapters/kubernetes/port.ts'
import { type Credential, createAuthority, endOf, issueCertificate } from '../base/certificate.ts'
import type { SharedService } from './place.ts'

/**
 * The way from another cluster's pods to the site's services where machines have no network of their own: an nginx in either
 * cluster, and TLS between them, in which both show a certificate that was made for this one cluster.
 */

const credential = z.object({ cert: z.string(), key: z.string() })
/** PEM. The authority's key is kept nowhere: nobody else ever gets a certificate of it. */
export const doorCredentials = z.object({ authority: z.string(), server: credential, client: credential })
export type DoorCredentials = Readonly<z.infer<typeof doorCredentials>>

const DAYS = 3650
const RENEW_MS = 365 * 86_400_000
/** In the site's certificate; nobody asks a DNS for it. */
const DOOR_NAME = 'door.cloudmgr.internal'

export async function makeDoorCredentials(cluster: string, now: Date): Promise<DoorCredentials> {
  const validity = { from: now, days: DAYS }
  const authority = await createAuthority(`door of cluster ${cluster}`, validity)
  const server = await issueCertificate(authority, { commonName: DOOR_NAME, names: [DOOR_NAME] }, validity)
  const client = await issueCertificate(authority, { commonName: `cluster ${cluster}` }, validity)
  return { authority: authority.cert, server, client }
}

/** Whether they end within a year. */
export function areEnding({ server }: DoorCredentials, now: Date): boolean {
  return endOf(server.cert).getTime() - now.getTime() < RENEW_MS
}

/** Where nginx finds what it needs; tests have it elsewhere. */
export interface DoorFiles {
  /** Of certificates and of the configuration. */
  readonly folder: string
  /** The only one that may be written into. */
  readonly scratch: string
  /** Files with `load_module`, where the TCP module is a file of its own. */
  readonly modules: string
  readonly health: number
}

export interface DoorPort {
  readonly listen: number
  /** `host:port`. */
  readonly target: string
}

const files: DoorFiles = { folder: '/run/door', scratch: '/tmp', modules: '/etc/nginx/modules-enabled', health: 8090 }

/** In the site's cluster: lets in who shows the certificate, and leads on to the service itself. */
export function siteDoorConfig(ports: readonly DoorPort[], at: DoorFiles = files): string {
  const { folder } = at
  return nginxConfig(at, ports, ' ssl', [
    `ssl_certificate ${folder}/tls.crt;`,
    `ssl_certificate_key ${folder}/tls.key;`,
    `ssl_client_certificate ${folder}/ca.crt;`,
    'ssl_verify_client on;',
    'ssl_verify_depth 1;',
    'ssl_protocols TLSv1.3;',
  ])
}

/** In the other cluster: shows the certificate, and believes the site's door alone. */
export function farDoorConfig(ports: readonly DoorPort[], at: DoorFiles = files): string {
  const { folder } = at
  return nginxConfig(at, ports, '', [
    'proxy_ssl on;',
    `proxy_ssl_certificate ${folder}/tls.crt;`,
    `proxy_ssl_certificate_key ${folder}/tls.key;`,
    `proxy_ssl_trusted_certificate ${folder}/ca.crt;`,
    'proxy_ssl_verify on;',
    'proxy_ssl_verify_depth 1;',
    `proxy_ssl_name ${DOOR_NAME};`,
    'proxy_ssl_protocols TLSv1.3;',
  ])
}

function nginxConfig(
  { scratch, modules, health }: DoorFiles,
  ports: readonly DoorPort[],
  kind: '' | ' ssl',
  lines: readonly string[],
): string {
  // By a variable: names are asked while nginx runs, so it starts before what it leads to. Load balancers forget who is silent
  // for minutes: the kernel asks before.
  const servers = ports.map(
    ({ listen, target }) => `
  server {
    listen ${listen}${kind} so_keepalive=30s:10s:6;
    set $target ${target};
    proxy_pass $target;
    proxy_socket_keepalive on;
  }`,
  )
  return `include ${modules}/*.conf;
worker_processes 1;
worker_rlimit_nofile 8192;
pid ${scratch}/nginx.pid;
error_log /dev/stderr warn;

events {
  worker_connections 4096;
}

stream {
  include ${scratch}/resolver.conf;
  log_format plain '$remote_addr :$server_port $status $bytes_sent $bytes_received $session_time';
  access_log /dev/stdout plain;
  proxy_connect_timeout 5s;
  proxy_timeout 3600s;
  ${lines.join('\n  ')}
${servers.join('\n')}

  # For the kubelet.
  server {
    listen ${health};
    access_log off;
    ${kind === '' ? 'proxy_ssl off;' : 'ssl_verify_client off;'}
    return "ok";
  }
}
`
}

export interface DoorPlace {
  /** Of the site's services; it is the same in every cluster. */
  readonly namespace: string
  readonly services: readonly SharedService[]
  /** Of nginx. */
  readonly image: string
  readonly pullSecrets: readonly string[]
}

/** Pods that belong to a service, as the site's policies select them. */
export interface DoorTarget {
  readonly service: SharedService
  readonly selector: Readonly<Record<string, string>>
  readonly targetPort: number | string
}

const managed = { 'app.kubernetes.io/managed-by': 'cloudmgr' }

/** Of the door in the site's cluster, and of what belongs to it. */
export function siteDoorName(cluster: string): string {
  return `cluster-${cluster}`
}

/** The door in the site's cluster. Its Service gets an address of the cloud. */
export function siteDoorObjects(
  cluster: string,
  { namespace, image, pullSecrets }: DoorPlace,
  targets: readonly DoorTarget[],
  { authority, server }: DoorCredentials,
): Manifest[] {
  const name = siteDoorName(cluster)
  const metadata = { name, namespace, labels: managed }
  const labels = { 'app.kubernetes.io/name': 'cluster-door', 'app.kubernetes.io/instance': name }
  const ports = targets.map(({ service }) => service)
  const config = siteDoorConfig(
    ports.map(({ name: host, port }) => ({
      listen: port,
      target: `${host}.${namespace}.svc.cluster.local:${port}`,
    })),
  )
  const secret = secretOf(metadata, config, authority, server)
  const tcp = ports.map(({ port }) => ({ protocol: 'TCP', port }))
  return [
    secret,
    policy(metadata, labels, {
      // From anywhere, as a load balancer passes it on: who has no certificate gets no further.
      ingress: [{ ports: tcp }],
      egress: [
        dns,
        ...targets.map(({ selector, targetPort }) => ({
          to: [{ podSelector: { matchLabels: selector } }],
          ports: [{ protocol: 'TCP', port: targetPort }],
        })),
      ],
    }),
    ...targets.map(({ service, selector, targetPort }) =>
      policy({ ...metadata, name: `${name}-${service.name}` }, selector, {
        ingress: [{ from: [{ podSelector: { matchLabels: labels } }], ports: [{ protocol: 'TCP', port: targetPort }] }],
      }),
    ),
    workload(metadata, labels, secret, { image, pullSecrets, ports }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'LoadBalancer', selector: labels, ports: ports.map(servicePort) },
    },
  ]
}

/**
 * The other side: the site's services under their own names, each with pods of its own that bear the component's label, because
 * it is by this that accounts' policies let pods out.
 */
export function farDoorObjects(
  { namespace, services, image, pullSecrets }: DoorPlace,
  address: string,
  { authority, client }: DoorCredentials,
): Manifest[] {
  const inside = (name: string) => ({ name, namespace, labels: managed })
  const config = farDoorConfig(services.map(({ port }) => ({ listen: port, target: `${address}:${port}` })))
  const secret = secretOf(inside('site-door'), config, authority, client)
  const isIp = /^[\d.]+$/.test(address)
  return [
    secret,
    ...services.flatMap((service) => {
      const labels = {
        'app.kubernetes.io/name': 'site-door',
        'app.kubernetes.io/component': service.name,
        'app.kubernetes.io/part-of': 'omegaml',
      }
      const tcp = [{ protocol: 'TCP', port: service.port }]
      const metadata = inside(service.name)
      return [
        policy(metadata, labels, {
          ingress: [
            {
              from: [{ namespaceSelector: { matchExpressions: [{ key: 'omegaml.io/account', operator: 'Exists' }] } }],
              ports: tcp,
            },
          ],
          // Addresses behind a load balancer's name change.
          egress: [dns, { to: [{ ipBlock: { cidr: isIp ? `${address}/32` : '0.0.0.0/0' } }], ports: tcp }],
        }),
        workload(metadata, labels, secret, { image, pullSecrets, ports: [service] }),
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata,
          spec: { selector: labels, ports: [servicePort(service)] },
        },
      ]
    }),
  ]
}

const dns = {
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
}

function servicePort({ name, port }: SharedService): object {
  return { name, protocol: 'TCP', port, targetPort: port }
}

function secretOf(
  metadata: Manifest['metadata'],
  config: string,
  authority: string,
  { cert, key }: Credential,
): Manifest & { data: Record<string, string> } {
  const all = { 'nginx.conf': config, 'ca.crt': authority, 'tls.crt': cert, 'tls.key': key }
  const data = Object.fromEntries(
    Object.entries(all).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  )
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data }
}

function policy(
  metadata: Manifest['metadata'],
  labels: Readonly<Record<string, string>>,
  rules: { readonly ingress: object[]; readonly egress?: object[] },
): Manifest {
  const policyTypes = ['Ingress', ...(rules.egress === undefined ? [] : ['Egress'])]
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec: { podSelector: { matchLabels: labels }, policyTypes, ...rules },
  }
}

/** nginx does not read resolv.conf itself. */
const START = `servers=
while read -r word address _; do
  [ "$word" = nameserver ] || continue
  case $address in *:*) address="[$address]" ;; esac
  servers="$servers $address"
done < /etc/resolv.conf
echo "resolver $servers valid=5s ipv6=off;" > ${files.scratch}/resolver.conf
exec nginx -e /dev/stderr -c ${files.folder}/nginx.conf -g "daemon off;"
`

/** As chart omegaml-ingress runs it. */
function workload(
  metadata: Manifest['metadata'],
  labels: Readonly<Record<string, string>>,
  secret: Manifest & { readonly data: Readonly<Record<string, string>> },
  {
    image,
    pullSecrets,
    ports,
  }: Pick<DoorPlace, 'image' | 'pullSecrets'> & { readonly ports: readonly SharedService[] },
): Manifest {
  const checksum = createHash('sha256').update(JSON.stringify(secret.data)).digest('hex')
  const probe = { tcpSocket: { port: files.health } }
  const container = {
    name: 'nginx',
    image,
    command: ['sh', '-euc', START],
    ports: ports.map(({ name, port }) => ({ name, containerPort: port, protocol: 'TCP' })),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...probe, periodSeconds: 10 },
    livenessProbe: { ...probe, periodSeconds: 20 },
    resources: { requests: { cpu: '20m', memory: '16Mi' }, limits: { memory: '128Mi' } },
    volumeMounts: [
      { name: 'door', mountPath: files.folder, readOnly: true },
      { name: 'scratch', mountPath: files.scratch },
    ],
  }
  const spec = {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 101,
      runAsGroup: 101,
      fsGroup: 101,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container],
    volumes: [
      { name: 'door', secret: { secretName: secret.metadata.name } },
      { name: 'scratch', emptyDir: {} },
    ],
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      // Changed certificates begin new pods.
      template: { metadata: { labels, annotations: { 'checksum/door': checksum } }, spec },
    },
  }
}
