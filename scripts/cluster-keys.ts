import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type ClusterKeys, makeClusterKeys, renewAdmin } from '../src/clusters/cluster-keys.ts'

/**
 * The keys of a cluster of plain machines, for modules hcloud-cluster and rancher-server used by hand:
 * `node scripts/cluster-keys.ts keys.auto.tfvars.json`. A file that is there keeps its authorities and tokens; only the
 * administrator's certificate is made anew, for another year.
 */
const [file] = process.argv.slice(2)
if (file === undefined || !file.endsWith('.tfvars.json')) {
  console.error(
    'node scripts/cluster-keys.ts FILE: the name of a file that Terraform reads, such as keys.auto.tfvars.json',
  )
  process.exit(2)
}
const now = new Date()
const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { keys: ClusterKeys }) : undefined
const keys = before === undefined ? await makeClusterKeys(now) : await renewAdmin(before.keys, now)
writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 })
console.log(
  `${before === undefined ? 'made' : 'renewed the administrator in'} ${file}; keep it as safe as the cluster itself`,
)
