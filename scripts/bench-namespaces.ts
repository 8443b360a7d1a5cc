import { join, resolve } from 'node:path'
import { kubernetesApply } from '../src/actions/kubernetes-apply.ts'
import { siteWith } from '../src/api/testing.ts'
import { systemClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { parsePlan } from '../src/catalog/load.ts'
import { submitCommand } from '../src/commands/submit.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { siteValues } from '../src/deployments/site-values.ts'
import { Engine } from '../src/engine/engine.ts'
import { startCluster } from '../test/support/kube-apiserver.ts'

const ACCOUNTS = 100

const plan = parsePlan(
  `plan: namespace
title: namespace
parameters: {properties: {name: {type: string}}, required: [name]}
steps:
  - step: namespace
    action: kubernetes-apply
    with:
      file: account/namespace.yml
      values: {namespace: "om-\${params.name}", account: "\${params.name}", site: "\${site}"}
`,
  'namespace.yml',
)

/** Namespaces of accounts with what lies in each, made at once and removed at once on a real API server without nodes. */
export async function measureNamespaces(): Promise<void> {
  const cluster = await startCluster()
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  const manifests = join(resolve(import.meta.dirname, '..'), 'catalog/manifests')
  const actions = [kubernetesApply({ kubernetes: cluster.kubernetes, clock: systemClock, manifests })]
  const site = siteValues(siteWith({ provider: 'local' }))
  const context = async () => ({ values: { site }, secrets: [] })
  const plans = new Map([[plan.plan, plan]])
  const engine = new Engine({ db, actions, plans, context, clock: systemClock, log: silentLog })
  try {
    await engine.start()
    console.log(`\nnamespaces, ${ACCOUNTS} at once`)
    for (const phase of ['install', 'remove'] as const) {
      const began = performance.now()
      for (let subject = 1; subject <= ACCOUNTS; subject += 1)
        await submitCommand(db, {
          plan: plan.plan,
          phase,
          params: { name: `n${subject}` },
          subject,
          requestedBy: 'bench',
        })
      const open = db.selectFrom('commands').select('id').where('ended_at', 'is', null).limit(1)
      while ((await open.execute()).length > 0) await systemClock.sleep(50)
      const seconds = (performance.now() - began) / 1_000
      console.log(`  ${phase.padEnd(28)}${seconds.toFixed(1)} s, ${(ACCOUNTS / seconds).toFixed(1)}/s`)
    }
  } finally {
    await engine.stop()
    await db.destroy()
    await cluster.stop()
  }
}
