/** Terminal colours, or plain text where nobody sees them. */
export interface Style {
  readonly grey: (text: string) => string
  readonly green: (text: string) => string
  readonly red: (text: string) => string
  readonly bold: (text: string) => string
}

const wrap = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`

export const coloured: Style = { grey: wrap(90, 39), green: wrap(32, 39), red: wrap(31, 39), bold: wrap(1, 22) }

const same = (text: string) => text
export const plain: Style = { grey: same, green: same, red: same, bold: same }

export function seconds(ms: number): string {
  const total = Math.max(0, ms) / 1000
  if (total < 10) return `${total.toFixed(1)} s`
  if (total < 60) return `${Math.round(total)} s`
  const whole = Math.round(total)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/** Cut to a width, so that a redrawn list never wraps. Control characters of programs' output are dropped. */
export function fit(text: string, width: number): string {
  // oxlint-disable-next-line no-control-regex -- these are what must go
  const clean = text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').replace(/[\u0000-\u001f\u007f]/g, ' ')
  return clean.length <= width ? clean : `${clean.slice(0, Math.max(0, width - 1))}…`
}
