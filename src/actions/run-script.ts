import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Scripts } from '../adapters/scripts/port.ts'
import { AppError } from '../base/errors.ts'
import type { Action, ActionContext, Observation } from './action.ts'

const args = z.array(z.string()).default([])
const script = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'the name of a file in catalog/scripts')
const call = z.strictObject({ script, args })

const input = z
  .strictObject({
    script,
    args,
    env: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'variables are named in capitals'), z.string()).default({}),
    timeoutSeconds: z.number().int().min(1).max(86_400).default(600),
    /** Looks: ends with 0 when the thing is there as wanted, 3 when it is absent, 4 when it differs. Spares repetitions. */
    observe: call.optional(),
    /** Takes away what the script made. */
    remove: call.optional(),
  })
  .refine(
    (given) => given.remove === undefined || given.observe !== undefined,
    'a script that removes needs one that looks (observe)',
  )

export type RunScriptInput = z.infer<typeof input>

/** Codes that a script may end with, besides 0 for success: try again later (EX_TEMPFAIL), absent, different. */
const LATER = 75
const ABSENT = 3
const DIFFERENT = 4

/** Runs a script of the catalogue; without a script that looks, it runs every time. */
export function runScript({ scripts }: { readonly scripts: Scripts }): Action<RunScriptInput> {
  const run = (
    wanted: RunScriptInput,
    { script, args }: { script: string; args: readonly string[] },
    context: ActionContext,
  ): Promise<number> =>
    scripts.run(script, {
      args,
      env: wanted.env,
      timeoutMs: wanted.timeoutSeconds * 1000,
      signal: context.signal,
      output: (line) => context.output(line),
    })
  const must = async (
    wanted: RunScriptInput,
    one: { script: string; args: readonly string[] },
    context: ActionContext,
  ): Promise<void> => {
    const code = await run(wanted, one, context)
    if (code === 0) return
    const message = `the script ${one.script} ended with ${code}: see its output`
    throw code === LATER
      ? new AppError('unavailable', 'script-busy', message)
      : new AppError('conflict', 'script-failed', message)
  }
  const observe = async (wanted: RunScriptInput, context: ActionContext): Promise<Observation> => {
    if (wanted.observe !== undefined) return observationOf(await run(wanted, wanted.observe, context))
    // What nobody removes is nothing that stays.
    return { state: 'absent', detail: 'the script leaves nothing behind' }
  }
  return {
    name: 'run-script',
    input,
    locks: ({ script, args }) => [
      `script:${script}:${createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 16)}`,
    ],
    observe,
    ensure: async (wanted, context) => {
      if ((await observe(wanted, context)).state === 'present') return { changed: false, message: 'already as wanted' }
      await must(wanted, wanted, context)
      return { changed: true, message: `${wanted.script} done` }
    },
    remove: async (wanted, context) => {
      if (wanted.remove === undefined) return { changed: false, message: 'nothing to remove' }
      if ((await observe(wanted, context)).state === 'absent') return { changed: false, message: 'already absent' }
      await must(wanted, wanted.remove, context)
      return { changed: true, message: `${wanted.remove.script} done` }
    },
  }
}

function observationOf(code: number): Observation {
  if (code === 0) return { state: 'present' }
  if (code === ABSENT) return { state: 'absent' }
  return code === DIFFERENT
    ? { state: 'different' }
    : { state: 'unknown', detail: `the script that looks ended with ${code}` }
}
