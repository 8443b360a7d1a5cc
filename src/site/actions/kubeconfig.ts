import { existsSync, readFileSync, rmSync } from 'node:fs'
import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { replaceFile } from '../secrets.ts'

const input = z.strictObject({
  path: z.string().min(1),
  content: z.string().min(1),
  caPath: z.string().min(1),
  ca: z.string().min(1),
})

export type KubeconfigInput = z.infer<typeof input>

/** The operator's way into the cluster, readable by its owner only. */
export function kubeconfigAction(): Action<KubeconfigInput> {
  return {
    name: 'kubeconfig',
    input,
    locks: ({ path }) => [`file:${path}`],
    observe: async ({ path, content }) => {
      if (!existsSync(path)) return { state: 'absent' }
      return { state: readFileSync(path, 'utf8') === content ? 'present' : 'different' }
    },
    ensure: async ({ path, content, caPath, ca }) => {
      replaceFile(caPath, ca)
      if (existsSync(path) && readFileSync(path, 'utf8') === content)
        return { changed: false, message: 'already as wanted' }
      replaceFile(path, content)
      return { changed: true, message: path }
    },
    remove: async ({ path, caPath }) => {
      const there = existsSync(path)
      for (const file of [path, caPath]) rmSync(file, { force: true })
      return { changed: there, message: there ? 'removed' : 'already as wanted' }
    },
  }
}
