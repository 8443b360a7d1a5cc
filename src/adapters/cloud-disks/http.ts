import { AppError } from '../../base/errors.ts'
import type { CloudDisks, TokenCloud } from './port.ts'

const timeoutMs = 30_000
/** Where disks are deleted by their ids. */
const endpoints: Readonly<Record<TokenCloud, string>> = {
  hetzner: 'https://api.hetzner.cloud/v1/volumes',
  digitalocean: 'https://api.digitalocean.com/v2/volumes',
  linode: 'https://api.linode.com/v4/volumes',
}
/** Answers that another try may change: too many requests, the disk is busy, the cloud's own trouble. */
const passing = [409, 423, 429]

/** The clouds' HTTP APIs. */
export function createCloudDisks(at: Readonly<Record<TokenCloud, string>> = endpoints): CloudDisks {
  return {
    delete: async (cloud, token, handle) => {
      const what = `deleting disk ${handle} at ${cloud}`
      // Linode's driver puts a label behind the number.
      const id = cloud === 'linode' ? (handle.split('-')[0] ?? '') : handle
      const answer = await fetch(`${at[cloud]}/${encodeURIComponent(id)}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(timeoutMs),
        redirect: 'error',
      }).catch((cause: unknown) => {
        throw new AppError('unavailable', 'cloud-unreachable', `${what}: its API does not answer`, { cause })
      })
      const { ok, status } = answer
      if (ok || status === 404) return
      if (status >= 500 || passing.includes(status))
        throw new AppError('unavailable', 'disk-busy', `${what}: its API answers ${status}`)
      const why = status === 401 || status === 403 ? 'it does not take the token' : `its API answers ${status}`
      throw new AppError('conflict', 'disk-refused', `${what}: ${why}`)
    },
  }
}
