/**
 * The kinds of the Gateway API that the charts use, with those of their fields that the charts may set and nothing else: a
 * misspelt one is refused. The rules among fields are not in them; version 1.5.1 itself took the objects of the tests.
 */

type Schema = Readonly<Record<string, unknown>>

const text = { type: 'string', minLength: 1 }
const host = { type: 'string', pattern: '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$' }
const port = { type: 'integer', minimum: 1, maximum: 65_535 }

function object(properties: Schema, required: readonly string[] = []): Schema {
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) }
}

function list(items: Schema, more: Schema = {}): Schema {
  return { type: 'array', items, ...more }
}

const parentRefs = list(object({ name: text, namespace: text }, ['name']))
const rules = list(object({ backendRefs: list(object({ name: text, port }, ['name'])) }), { minItems: 1 })

const specs: Readonly<Record<string, { readonly plural: string; readonly spec: Schema }>> = {
  Gateway: {
    plural: 'gateways',
    spec: object(
      {
        gatewayClassName: text,
        listeners: list(
          object(
            {
              name: text,
              hostname: host,
              port,
              protocol: { type: 'string', enum: ['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP'] },
              tls: object({
                mode: { type: 'string', enum: ['Terminate', 'Passthrough'] },
                certificateRefs: list(object({ name: text }, ['name'])),
              }),
            },
            ['name', 'port', 'protocol'],
          ),
          { minItems: 1 },
        ),
      },
      ['gatewayClassName', 'listeners'],
    ),
  },
  HTTPRoute: { plural: 'httproutes', spec: object({ parentRefs, hostnames: list(host), rules }) },
  TLSRoute: {
    plural: 'tlsroutes',
    spec: object({ parentRefs, hostnames: list(host, { minItems: 1 }), rules }, ['hostnames', 'rules']),
  },
}

const group = 'gateway.networking.k8s.io'

export const gatewayCrds = Object.entries(specs).map(([kind, { plural, spec }]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `${plural}.${group}`,
    // Kubernetes asks for it in this group; it names no approval of ours.
    annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' },
  },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({ spec }, ['spec']) } }],
  },
}))
