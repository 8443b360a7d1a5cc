import { expect, test } from 'vitest'
import { addressesOf } from './addresses.ts'
import { certificates } from './control-plane.ts'
import { upstreamResolvers } from '../base/resolvers.ts'
import { corefile } from './dns.ts'
import { pathOf } from './kube.ts'
import { nftRules } from './network.ts'
import { accessObjects, calicoObjects, serviceObjects } from './system-objects.ts'

test('nobody but the admin and the API server itself is a master', () => {
  const masters = certificates(addressesOf(0)).filter(({ organization }) => organization === 'system:masters')
  expect(masters.map(({ name }) => name)).toEqual(['apiserver-kubelet', 'admin'])
  expect(JSON.stringify(accessObjects())).not.toContain('cluster-admin')
})

test('every program has a user name of its own', () => {
  const names = certificates(addressesOf(0))
    .filter(({ authority }) => authority === 'ca')
    .map(({ commonName }) => commonName)
  expect(new Set(names).size).toBe(names.length)
})

test('objects have the paths of the API', () => {
  const all = [...accessObjects(), ...calicoObjects(), ...serviceObjects('10.231.1.1', 'PEM')]
  const paths = all.map(pathOf)
  expect(new Set(paths).size).toBe(paths.length)
  expect(paths).toContain('/api/v1/namespaces/kube-system/services/kube-dns')
  expect(paths).toContain('/apis/crd.projectcalico.org/v1/ippools/default-ipv4-ippool')
  expect(paths).toContain('/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io')
  expect(paths).toContain('/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/metrics-server')
})

const resolvers: { texts: (string | undefined)[]; found: string[]; why: string }[] = [
  {
    texts: [undefined, 'nameserver 10.0.0.1\n'],
    found: ['10.0.0.1'],
    why: 'the plain file counts when there is no other',
  },
  {
    texts: ['nameserver 9.9.9.9\n', 'nameserver 127.0.0.53\n'],
    found: ['9.9.9.9'],
    why: 'behind a stub its upstream is asked',
  },
  { texts: ['# none\n', 'nameserver 127.0.0.1\n'], found: [], why: 'a resolver on the loopback is out of reach' },
]

for (const { texts, found, why } of resolvers) test(why, () => expect(upstreamResolvers(texts)).toEqual(found))

test('the domain and every name below it lead to the ingress', () => {
  const base = { address: '10.231.1.1', domain: 'omega.localhost', ingress: 'ingress.web', kubeconfig: '/k' }
  const text = corefile({ ...base, upstreams: ['9.9.9.9'] })
  expect(text).toContain('template IN A omega.localhost {')
  expect(text).toContain('IN CNAME ingress.web.svc.cluster.local."')
  expect(text).toContain('forward . 9.9.9.9')
  expect(corefile({ ...base, upstreams: [] })).not.toContain('forward')
})

test('only packets of the site that leave the host change their sender', () => {
  const rules = nftRules(addressesOf(2))
  expect(rules).toContain('table ip cloudmgr_2 {')
  expect(rules).toContain('ip saddr { 10.231.4.0/30, 10.231.5.0/24 } oifname != "cm2" masquerade')
  expect(rules).not.toContain(' accept')
})

test('clusters of one local cloud reach each other, before others are kept out', () => {
  const rules = nftRules(addressesOf(2), ['cm0', 'cm1'])
  expect(rules.match(/iifname "cm[01]" oifname "cm2" accept/g)).toHaveLength(2)
  expect(rules.indexOf('accept')).toBeLessThan(rules.indexOf('drop'))
})
