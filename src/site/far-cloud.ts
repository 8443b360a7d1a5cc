import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { AppError } from '../base/errors.ts'
import type { CloudControl } from './operator.ts'
import type { StatePaths } from './state.ts'
import { existsSync } from 'node:fs'

/** A site whose cluster is elsewhere: nothing of it runs on this machine, so there is nothing to start, stop or find. */
export function createFarCloud({ kubeconfig }: StatePaths, kubernetes: Kubernetes): CloudControl {
  return {
    answers: async () => existsSync(kubeconfig) && (await isAnswering(kubernetes)),
    start: async () => {},
    stop: async () => {},
    certificate: async () => undefined,
    leftovers: async () => [],
    versions: async () => [],
    kubernetes: async () => undefined,
    others: async () => [],
    programs: async () => [],
    takeBlobs: async () => {
      // Its registry is elsewhere.
    },
    prepareDisk: async () => false,
    keepProcess: async () => {
      throw new AppError('bug', 'no-processes', 'only a simulated site has programs of its own on this machine')
    },
    gateway: async () => {
      throw new AppError('bug', 'no-gateway', 'only the local cloud has a gateway')
    },
  }
}

async function isAnswering(kubernetes: Kubernetes): Promise<boolean> {
  try {
    await kubernetes.version()
    return true
  } catch (cause) {
    if (cause instanceof AppError && ['unavailable', 'forbidden'].includes(cause.kind)) return false
    throw cause
  }
}
