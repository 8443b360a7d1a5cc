import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'
import { plain, versionStep } from '../base/kubernetes-version.ts'
import type { Log } from '../base/log.ts'
import type { MachineRecord } from './machine.ts'
import {
  cordonNode,
  evictPods,
  findNode,
  podsAway,
  type NodeObject,
  uncordonNode,
  whyNotReady,
} from './node-objects.ts'
import type { Cluster, Machine } from './running.ts'
import { mustDrain } from './upgrade.ts'

/** Longer than workers take to end a task, and than a budget needs for a replacement that pulls its image. */
const drainMs = 180_000
/** A pod that does not come up again is its owner's trouble: the other machines do not wait for it for ever. */
const settleMs = 180_000
const readyMs = 120_000
const lookMs = 500

export interface MachineUpgradeParts {
  readonly cluster: Cluster
  readonly machine: Machine
  /** Another machine could take its pods. */
  readonly hasOthers: boolean
  /** Keeps what is known of the machine: after a crash the upgrade goes on from there. */
  readonly save: (record: MachineRecord) => void
  /** Starts its programs as the record says. */
  readonly start: () => Promise<void>
  /** Nobody wants it any more. */
  readonly stopped: () => boolean
  readonly tell: (what: string) => void
  readonly log: Log
}

/** Cordon, drain, the new kubelet, uncordon. May be repeated from any point; ends with the node ready and of the cluster's version. */
export async function upgradeMachine(parts: MachineUpgradeParts): Promise<void> {
  const { cluster, machine, save, tell, stopped } = parts
  const { name } = machine.record
  const { kubernetesVersion } = cluster.record
  if (stopped()) return
  if (versionStep(machine.record.kubernetesVersion, kubernetesVersion) !== 'same') {
    if (mustDrain(machine.record.kubernetesVersion, kubernetesVersion, parts.hasOthers)) await emptied(parts)
    if (stopped()) return
    save({ upgrade: { cordoned: false }, ...machine.record, kubernetesVersion })
  }
  tell('its programs are exchanged')
  await parts.start()
  await until(readyMs, stopped, async () => whyNotUpgraded(await findNode(cluster.kube, name), kubernetesVersion))
  if (stopped()) return
  if (machine.record.upgrade?.cordoned === true) {
    await uncordonNode(cluster.kube, name)
    await settled(parts)
  }
  const { upgrade: _done, ...record } = machine.record
  save(record)
}

/** Ends with its pods elsewhere. What a disruption budget keeps goes on beneath the new kubelet. */
async function emptied({ cluster, machine, save, tell, stopped, log }: MachineUpgradeParts): Promise<void> {
  const { record } = machine
  const node = await findNode(cluster.kube, record.name)
  if (node === undefined) return
  // Noted before it is done: whoever goes on after a crash takes it back.
  if (record.upgrade === undefined) save({ ...record, upgrade: { cordoned: node.spec?.unschedulable !== true } })
  await cordonNode(cluster.kube, record.name)
  const deadline = Date.now() + (whyNotReady(node) === undefined ? drainMs : 0)
  for (;;) {
    const left = await evictPods(cluster.kube, record.name)
    if (left.length === 0 || stopped()) return
    if (Date.now() >= deadline) {
      log.warn('pods stayed on a machine that is upgraded', { machine: record.name, pods: left })
      return
    }
    tell(`${left.length} pods leave it`)
    await delay(lookMs)
  }
}

/** What was driven away is back or elsewhere, so that the next machine does not take the other half away. */
async function settled({ cluster, machine, tell, stopped, log }: MachineUpgradeParts): Promise<void> {
  const { name } = machine.record
  const deadline = Date.now() + settleMs
  for (;;) {
    const away = await podsAway(cluster.kube, name)
    if (away.length === 0 || stopped()) return
    if (Date.now() >= deadline) {
      log.warn('pods did not come up after a machine was upgraded', { machine: name, pods: away })
      return
    }
    tell(`${away.length} pods come up`)
    await delay(lookMs)
  }
}

function whyNotUpgraded(node: NodeObject | undefined, version: string): string | undefined {
  const says = node?.status?.nodeInfo?.kubeletVersion
  if (node !== undefined && says !== `v${plain(version)}`)
    return `its kubelet is ${says ?? 'of no version yet'}, not v${plain(version)}`
  return whyNotReady(node)
}

async function until(timeMs: number, stopped: () => boolean, why: () => Promise<string | undefined>): Promise<void> {
  const deadline = Date.now() + timeMs
  for (;;) {
    const reason = await why()
    if (reason === undefined || stopped()) return
    if (Date.now() >= deadline) throw new AppError('unavailable', 'not-ready', `after its upgrade ${reason}`)
    await delay(lookMs)
  }
}
