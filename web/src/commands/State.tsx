import type { Command } from '../api.ts'
import { Status } from '../frame/Status.tsx'

export function State({ state }: { state: Command['state'] }) {
  switch (state) {
    case 'done':
      return <Status tone="done">Done</Status>
    case 'running':
      return <Status tone="running">Running</Status>
    case 'waiting':
      return <Status tone="idle">Waiting</Status>
    case 'failed':
      return <Status tone="failed">Failed</Status>
  }
}

/** `runtime gpu`, or `omegaml`. */
export function serviceName({ plan, instance }: { plan: string; instance: string }): string {
  return instance === '' ? plan : `${plan} ${instance}`
}
