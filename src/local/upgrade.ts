import { minorOf, versionStep } from '../base/kubernetes-version.ts'
import type { Machine } from './running.ts'

/** For people: what goes from where to where, and how far it is. */
export function upgradeText(from: string, to: string, stage: string): string {
  return versionStep(from, to) === 'same' ? `Kubernetes ${to}, ${stage}` : `Kubernetes ${from} → ${to}, ${stage}`
}

/** One machine at a time: first the one whose upgrade was begun, then by name. */
export function nextToUpgrade<One extends Pick<Machine, 'record'>>(
  machines: readonly One[],
  version: string,
): One | undefined {
  const waiting = machines
    .filter(({ record }) => record.upgrade !== undefined || versionStep(record.kubernetesVersion, version) !== 'same')
    .toSorted((a, b) => a.record.name.localeCompare(b.record.name))
  return waiting.find(({ record }) => record.upgrade !== undefined) ?? waiting[0]
}

/**
 * Whether pods must leave before: a kubelet of another minor version does not promise to take over what runs. Where no
 * other machine could take them they stay: containers go on while the kubelet is exchanged.
 */
export function mustDrain(from: string, to: string, hasOthers: boolean): boolean {
  return hasOthers && minorOf(from) !== minorOf(to)
}
