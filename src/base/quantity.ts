/** Kubernetes' quantity of cores: `150m` is 0.15. */
export function coresOf(quantity: string): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity)
}

const units: Readonly<Record<string, number>> = {
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
}

/** Kubernetes' quantity of memory in GB (of 1024³ bytes, as machines are sized here). */
export function gbOf(quantity: string): number {
  const [, number = '0', unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(quantity) ?? []
  return (Number(number) * (units[unit] ?? 1)) / 1024 ** 3
}
