import { unknownScript } from './folder.ts'
import type { ScriptRun, Scripts } from './port.ts'

/** Functions instead of files; each answers with its exit code. */
export function createFakeScripts(scripts: Readonly<Record<string, (run: ScriptRun) => number>>): Scripts {
  return {
    names: async () => Object.keys(scripts),
    run: async (script, run) => {
      run.signal?.throwIfAborted()
      const body = scripts[script]
      if (body === undefined) throw unknownScript(script, Object.keys(scripts))
      return body(run)
    },
  }
}
