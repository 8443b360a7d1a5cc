import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { describeRef } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import type { SharedService } from '../clusters/place.ts'

interface ServicePort {
  readonly port: number
  readonly targetPort?: number | string
}

interface ServiceSpec {
  readonly selector?: Readonly<Record<string, string>>
  readonly ports?: readonly ServicePort[]
}

/** The pods of a service. `unavailable` while it is not there. */
export async function targetOf(
  namespace: string,
  service: SharedService,
  kubernetes: Kubernetes,
): Promise<Pick<Required<ServiceSpec>, 'selector'> & { readonly targetPort: number | string }> {
  const ref = { apiVersion: 'v1', kind: 'Service', name: service.name, namespace }
  const { selector, ports = [] } = ((await kubernetes.find(ref))?.['spec'] ?? {}) as ServiceSpec
  const targetPort = ports.find(({ port }) => port === service.port)?.targetPort
  if (selector !== undefined && targetPort !== undefined) return { selector, targetPort }
  throw new AppError('unavailable', 'service-missing', `there is no ${describeRef(ref)} with port ${service.port}`)
}
