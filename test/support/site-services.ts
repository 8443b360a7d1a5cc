import type { Kubernetes } from '../../src/adapters/kubernetes/port.ts'

/** The services that pods of every cluster use, in the site's own, with no pods behind them; and their namespace. */
export async function makeSiteServices(
  kubernetes: Pick<Kubernetes, 'apply'>,
  namespace: string,
  targetPort: (name: string, port: number) => string | number = (_name, port) => port,
): Promise<void> {
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  for (const [name, port] of Object.entries({ mongodb: 27017, rabbitmq: 5672, omegaweb: 8080 }))
    await kubernetes.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        selector: { 'app.kubernetes.io/component': name },
        ports: [{ port, targetPort: targetPort(name, port) }],
      },
    })
}
