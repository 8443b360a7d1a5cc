import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { needProgram } from '../../support/programs.ts'
import type { Manifest } from './helm.ts'

const run = promisify(execFile)

export interface Kubectl {
  (...words: string[]): Promise<string>
}

/** kubectl as the cluster's administrator. */
export function kubectlFor(kubeconfig: string): Kubectl {
  return async (...words) => {
    const { stdout } = await run(needProgram('kubectl'), words, {
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', KUBECONFIG: kubeconfig },
      maxBuffer: 32 * 1024 * 1024,
    })
    return stdout.trim()
  }
}

export async function get(kubectl: Kubectl, ...words: string[]): Promise<Manifest> {
  return JSON.parse(await kubectl('get', ...words, '--output', 'json'))
}

/** Has the server check manifests as strictly as it can, without making anything. */
export async function dryRun(kubectl: Kubectl, manifests: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-kubectl-'))
  try {
    const file = join(folder, 'manifests.yaml')
    writeFileSync(file, manifests)
    return await kubectl('apply', '--dry-run=server', '--validate=strict', '--filename', file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
