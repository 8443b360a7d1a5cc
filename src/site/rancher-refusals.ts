import type { Terraform } from '../adapters/terraform/port.ts'
import { AppError } from '../base/errors.ts'
import type { SiteRancher } from './cloud.ts'

/** What to do about a token that is revoked or expired. `made`: the Rancher is the site's own. */
export function tokenAdvice({ url, made }: { readonly url: string; readonly made: boolean }): string {
  const right = made
    ? './cloudmgr up makes another one'
    : `make another one there (Account and API Keys) and give it as rancher.token of the site file`
  return `Rancher ${url} does not take the token, which is revoked or expired: ${right}`
}

/** The same program; where Rancher itself refuses the token, the error says what to do. A cloud's refusal behind it stays as it is. */
export function withTokenAdvice(terraform: Terraform, rancher: SiteRancher | undefined): Terraform {
  if (rancher === undefined) return terraform
  const told = async <T>(run: Promise<T>): Promise<T> => {
    try {
      return await run
    } catch (error) {
      throw isRanchersOwn(error) ? adviceFor(error, rancher) : error
    }
  }
  return {
    preview: (root, options) => told(terraform.preview(root, options)),
    apply: (root, run) => told(terraform.apply(root, run)),
    outputs: (root, run) => told(terraform.outputs(root, run)),
    resources: (root, run) => told(terraform.resources(root, run)),
  }
}

function isRanchersOwn(error: unknown): error is AppError {
  if (!(error instanceof AppError) || error.code !== 'cloud-credentials') return false
  return /Bad response statusCode \[401\]|must authenticate/.test(String((error.cause as Error | undefined)?.message))
}

function adviceFor({ kind, details, cause }: AppError, { url, server, inCluster }: SiteRancher): AppError {
  const advice = tokenAdvice({ url, made: server !== undefined || inCluster !== undefined })
  return new AppError(kind, 'rancher-token', advice, { cause, details: { ...details, right: advice } })
}
