import { dnsServiceAddress, podRange, ports } from './addresses.ts'
import type { KubeObject } from './kube.ts'

type Rule = { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }

const rbac = 'rbac.authorization.k8s.io'
const read = ['get', 'list', 'watch']

/** The user names in the certificates of the site's own programs. */
export const users = {
  dns: 'cloudmgr:coredns',
  felix: 'cloudmgr:felix',
  cni: 'cloudmgr:calico-cni',
  metrics: 'cloudmgr:metrics-server',
  simulator: 'cloudmgr:kwok',
  proxy: 'system:kube-proxy',
} as const

function clusterRole(name: string, rules: Rule[], labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name, labels }, rules }
}

function binding(name: string, role: string, user: string): KubeObject {
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: rbac, kind: 'User', name: user }],
  }
}

/** What each program may do; nobody but the operator's kubeconfig is an admin. The API server's and etcd's own come with it. */
export function accessObjects(): KubeObject[] {
  return [
    binding('cloudmgr:kube-proxy', 'system:node-proxier', users.proxy),
    clusterRole('cloudmgr:coredns', [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    binding('cloudmgr:coredns', 'cloudmgr:coredns', users.dns),
    clusterRole('cloudmgr:felix', felixRules),
    binding('cloudmgr:felix', 'cloudmgr:felix', users.felix),
    clusterRole('cloudmgr:calico-cni', [
      { apiGroups: [''], resources: ['pods', 'nodes', 'namespaces'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods/status'], verbs: ['patch'] },
      { apiGroups: ['crd.projectcalico.org'], resources: ['clusterinformations', 'ippools'], verbs: ['get', 'list'] },
    ]),
    binding('cloudmgr:calico-cni', 'cloudmgr:calico-cni', users.cni),
    ...metricsAccess,
    clusterRole('cloudmgr:kwok', [
      { apiGroups: [''], resources: ['nodes'], verbs: read },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['update', 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: [...read, 'delete', 'update', 'patch'] },
      { apiGroups: [''], resources: ['pods/status'], verbs: ['update', 'patch'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        verbs: [...read, 'create', 'update', 'patch', 'delete'],
      },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'update', 'patch'] },
      { apiGroups: ['kwok.x-k8s.io'], resources: ['*'], verbs: read },
    ]),
    binding('cloudmgr:kwok', 'cloudmgr:kwok', users.simulator),
  ]
}

const felixRules: Rule[] = [
  {
    apiGroups: [''],
    resources: ['pods', 'nodes', 'namespaces', 'serviceaccounts', 'services', 'endpoints'],
    verbs: read,
  },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch', 'update'] },
  { apiGroups: ['crd.projectcalico.org'], resources: ['*'], verbs: read },
  {
    apiGroups: ['crd.projectcalico.org'],
    resources: ['felixconfigurations', 'clusterinformations', 'ippools'],
    verbs: ['create', 'update'],
  },
]

const metricsAccess: KubeObject[] = [
  clusterRole(
    'system:aggregated-metrics-reader',
    [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: read }],
    {
      [`${rbac}/aggregate-to-view`]: 'true',
      [`${rbac}/aggregate-to-edit`]: 'true',
      [`${rbac}/aggregate-to-admin`]: 'true',
    },
  ),
  clusterRole('cloudmgr:metrics-server', [
    { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods', 'nodes'], verbs: read },
  ]),
  binding('cloudmgr:metrics-server', 'cloudmgr:metrics-server', users.metrics),
  binding('cloudmgr:metrics-server-auth', 'system:auth-delegator', users.metrics),
  {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'cloudmgr:metrics-server', namespace: 'kube-system' },
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'extension-apiserver-authentication-reader' },
    subjects: [{ apiGroup: rbac, kind: 'User', name: users.metrics }],
  },
]

/** The pods' network, as Calico wants to be told. */
export function calicoObjects(): KubeObject[] {
  const apiVersion = 'crd.projectcalico.org/v1'
  return [
    {
      apiVersion,
      kind: 'ClusterInformation',
      metadata: { name: 'default' },
      spec: { datastoreReady: true, clusterType: 'k8s', clusterGUID: 'cloudmgr' },
    },
    {
      apiVersion,
      kind: 'IPPool',
      metadata: { name: 'default-ipv4-ippool' },
      spec: {
        cidr: podRange,
        natOutgoing: true,
        ipipMode: 'Never',
        vxlanMode: 'Never',
        nodeSelector: 'all()',
        blockSize: 26,
      },
    },
  ]
}

interface ServicePort {
  readonly name: string
  readonly protocol: 'TCP' | 'UDP'
  readonly port: number
  readonly target: number
}

/** A Service whose only end is a program outside the pods' network, at the bridge's address. */
function outside(
  name: string,
  address: string,
  servicePorts: readonly ServicePort[],
  clusterIP?: string,
): KubeObject[] {
  const labels = { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'cloudmgr' }
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'kube-system' },
      spec: {
        ...(clusterIP === undefined ? {} : { clusterIP }),
        ports: servicePorts.map(({ target: targetPort, ...rest }) => ({ ...rest, targetPort })),
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'kube-system', labels },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: servicePorts.map(({ name: port, protocol, target }) => ({ name: port, protocol, port: target })),
    },
  ]
}

export function serviceObjects(bridge: string, ca: string): KubeObject[] {
  return [
    ...outside(
      'kube-dns',
      bridge,
      [
        { name: 'dns', protocol: 'UDP', port: 53, target: 53 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53, target: 53 },
      ],
      dnsServiceAddress,
    ),
    ...outside('metrics-server', bridge, [{ name: 'https', protocol: 'TCP', port: 443, target: ports.metrics }]),
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.metrics.k8s.io' },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        service: { name: 'metrics-server', namespace: 'kube-system', port: 443 },
        caBundle: Buffer.from(ca).toString('base64'),
      },
    },
  ]
}
