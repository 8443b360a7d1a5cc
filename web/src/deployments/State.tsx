import type { Deployment } from '../api.ts'
import { Status } from '../frame/Status.tsx'

export function State({ state }: { state: Deployment['state'] }) {
  switch (state) {
    case 'active':
      return <Status tone="done">Ready</Status>
    case 'pending':
      return <Status tone="running">In work</Status>
    case 'removing':
      return <Status tone="running">Being removed</Status>
    case 'suspended':
      return <Status tone="idle">Suspended</Status>
    case 'failed':
      return <Status tone="failed">Failed</Status>
    case 'removed':
      return <Status tone="idle">Removed</Status>
  }
}
