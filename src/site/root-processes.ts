import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { AppError } from '../base/errors.ts'

/**
 * Runs of Terraform in a root's folder. A cloudmgr that was killed takes its runs along, but they may end what they are
 * at first: until then what they do is not in the state.
 */
export function runsIn(folder: string): number[] {
  if (!existsSync(folder)) return []
  const real = realpathSync(folder)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isRunIn(name, real))
    .map(Number)
}

function isRunIn(pid: string, folder: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/cwd`) === folder && /tofu|terraform/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'))
    )
  } catch {
    // It has ended, or is somebody else's.
    return false
  }
}

/** `unavailable` while an earlier run still works there: it ends by itself. */
export function refuseEarlierRuns(folder: string, root: string): void {
  const [pid] = runsIn(folder)
  if (pid === undefined) return
  const text = `a run of before (process ${pid}) still works on root ${root}: it ends by itself`
  throw new AppError('unavailable', 'terraform-locked', text, { details: { root, pid } })
}
