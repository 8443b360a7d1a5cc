import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Kubernetes, Manifest } from '../../adapters/kubernetes/port.ts'
import type { Action, ActionContext } from '../../actions/action.ts'
import { AppError } from '../../base/errors.ts'
import type { NotebookRun, NotebookUser } from '../notebook-check.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  /** Account that it does everything as. */
  userid: z.string().min(1),
  apikey: z.string().min(1),
  namespace: z.string().min(1),
  image: z.string().min(1),
  script: z.string().min(1),
  /** Variables of the script: addresses, no secrets. */
  env: z.record(z.string(), z.string()),
  /** Host name of the notebooks, and the loopback port that leads to it. */
  notebook: z.strictObject({ host: z.string().min(1), port: z.int() }),
  timeoutSeconds: z.int().positive().default(600),
})

export type SelfCheckInput = z.infer<typeof input>

export interface SelfCheckDeps {
  readonly kubernetes: () => Kubernetes
  readonly sleep: Sleep
  readonly checkNotebook: (user: NotebookUser, run: NotebookRun) => Promise<void>
}

const name = 'self-check'
const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'omegaml' }

/**
 * What a user does: a Job in the account's namespace stores a dataset and runs a model on the worker, then a notebook is
 * executed through the site's front door. The Job's log is the step's output.
 */
export function selfCheckAction(deps: SelfCheckDeps): Action<SelfCheckInput> {
  return {
    name,
    input,
    locks: ({ namespace }) => [`self-check:${namespace}`],
    observe: async ({ namespace }) => {
      const job = await deps.kubernetes().find({ apiVersion: 'batch/v1', kind: 'Job', name, namespace })
      return { state: job === undefined ? 'absent' : 'present' }
    },
    ensure: async (values, context) => {
      const kubernetes = deps.kubernetes()
      const script = readFileSync(values.script, 'utf8')
      await clear(kubernetes, values.namespace, context.signal)
      for (const manifest of selfCheckManifests(values, script)) await kubernetes.apply(manifest)
      const outcome = await waitForJob(kubernetes, values, deps.sleep, context)
      const log = await readLog(kubernetes, values.namespace)
      for (const line of log) context.output(line)
      await clear(kubernetes, values.namespace, context.signal)
      if (outcome !== undefined) {
        throw new AppError('conflict', 'self-check-failed', `the self-check failed: ${lastError(log) ?? outcome}`)
      }
      await deps.checkNotebook(
        { userid: values.userid, apikey: values.apikey, ...values.notebook },
        {
          say: (line) => context.output(line),
          waiting: (reason) => context.waiting(reason),
          signal: context.signal,
          sleep: deps.sleep,
          timeoutMs: values.timeoutSeconds * 1000,
        },
      )
      return { changed: true, message: 'passed: a dataset, a model on the worker, a notebook' }
    },
    remove: async ({ namespace }, { signal }) => {
      await clear(deps.kubernetes(), namespace, signal)
      return { changed: false, message: 'nothing is left' }
    },
  }
}

/** The script, the account's key and the Job, hardened as the account's namespace demands. */
export function selfCheckManifests(values: SelfCheckInput, script: string): Manifest[] {
  const metadata = { name, namespace: values.namespace, labels }
  const env = Object.entries(values.env).map(([key, value]) => ({ name: key, value }))
  const container = {
    name,
    image: values.image,
    command: ['python3', '-u', '/check/self-check.py'],
    env: [...env, { name: 'OMEGA_USERID', value: values.userid }, { name: 'HOME', value: '/tmp' }],
    volumeMounts: [
      { name: 'script', mountPath: '/check', readOnly: true },
      { name: 'credentials', mountPath: '/credentials', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
    workingDir: '/tmp',
    resources: { requests: { cpu: '50m', memory: '256Mi' }, limits: { cpu: '2', memory: '1Gi' } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  }
  const spec = {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    volumes: [
      { name: 'script', configMap: { name } },
      { name: 'credentials', secret: { secretName: name } },
      { name: 'tmp', emptyDir: {} },
    ],
  }
  const annotations = { 'omegaml.io/script': createHash('sha256').update(script).digest('hex').slice(0, 16) }
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'self-check.py': script } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      data: { apikey: Buffer.from(values.apikey).toString('base64') },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata,
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: values.timeoutSeconds,
        template: { metadata: { labels, annotations }, spec },
      },
    },
  ]
}

/** Why it failed, or `undefined` when it passed. */
async function waitForJob(
  kubernetes: Kubernetes,
  { namespace }: SelfCheckInput,
  sleep: Sleep,
  context: ActionContext,
): Promise<string | undefined> {
  for (;;) {
    const { state, reason } = await kubernetes.readiness({ apiVersion: 'batch/v1', kind: 'Job', name, namespace })
    if (state === 'ready') return undefined
    if (state === 'failed') return reason
    const log = await readLog(kubernetes, namespace)
    context.waiting(log.length === 0 ? reason : `a user's work, so far: ${log.at(-1)}`)
    await sleep(500, context.signal)
  }
}

async function readLog(kubernetes: Kubernetes, namespace: string): Promise<string[]> {
  const selector = `app.kubernetes.io/name=${name}`
  const [pod] = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labels: selector })
  if (pod === undefined) return []
  const text = await kubernetes.podLogs({ namespace, name: pod.metadata.name, lines: 200 })
  return text.split('\n').filter((line) => line.trim() !== '')
}

/** The script marks its own words; a traceback ends with the error. */
function lastError(log: readonly string[]): string | undefined {
  return log.findLast((line) => line.startsWith('FAILED')) ?? log.at(-1)
}

async function clear(kubernetes: Kubernetes, namespace: string, signal: AbortSignal): Promise<void> {
  await kubernetes.delete({ apiVersion: 'batch/v1', kind: 'Job', name, namespace }, { signal })
  await kubernetes.delete({ apiVersion: 'v1', kind: 'ConfigMap', name, namespace }, { signal })
  await kubernetes.delete({ apiVersion: 'v1', kind: 'Secret', name, namespace }, { signal })
}
