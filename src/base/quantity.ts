const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
}

/** A quantity as Kubernetes writes it (`250m`, `12345n`, `8170000Ki`, `1e3`), in cores or bytes; 0 for what is none. */
export function quantity(text: unknown): number {
  const written = typeof text === 'number' ? String(text) : text
  if (typeof written !== 'string') return 0
  const [, number = '0', unit = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(written) ?? []
  const value = Number(number) * (factors[unit] ?? Number.NaN)
  return Number.isFinite(value) ? value : 0
}

/** Of memory, in GB of 1024³ bytes, as machines are sized here. */
export function gbOf(text: string): number {
  return quantity(text) / 1024 ** 3
}
