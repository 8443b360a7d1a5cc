/**
 * Puts values for `{username}`, `{USERNAME}` and `{OMEGA_…}` into strings, through objects but not through arrays: the
 * spawner expands those itself. Unknown ones stay as they are.
 */
export function expandPlaceholders<Value extends Readonly<Record<string, unknown>>>(
  config: Value,
  values: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, expand(value, values)]))
}

function expand(value: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return expandText(value, values)
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return expandPlaceholders(value as Record<string, unknown>, values)
}

function expandText(text: string, values: Readonly<Record<string, string>>): string {
  if (!text.includes('{')) return text
  return text.replace(/\{(username|USERNAME|OMEGA_[A-Z_]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  )
}
