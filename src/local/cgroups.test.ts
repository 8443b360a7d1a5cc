import { expect, test } from 'vitest'
import { isUnified, limits, parseHierarchies } from './cgroups.ts'

const mounted = (folder: string, type: string, options: string): string =>
  `31 23 0:28 / ${folder} rw - ${type} ${type} ${options}`
const size = { cores: 1.5, memoryGb: 2 }

const hybrid = parseHierarchies(
  [
    '27 1 254:0 / / rw - ext4 /dev/vda rw',
    mounted('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
    mounted('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'),
    mounted('/sys/fs/cgroup/unified', 'cgroup2', 'rw'),
  ].join('\n'),
)
const unified = parseHierarchies(mounted('/sys/fs/cgroup', 'cgroup2', 'rw'))

test('the hierarchies of a host are read from its mounts', () => {
  expect(hybrid.map(({ folder, version }) => [folder, version])).toEqual([
    ['/sys/fs/cgroup/cpu,cpuacct', 1],
    ['/sys/fs/cgroup/memory', 1],
    ['/sys/fs/cgroup/unified', 2],
  ])
  expect([isUnified(hybrid), isUnified(unified)]).toEqual([false, true])
})

test('version 1 limits memory and cores where their controllers are', () => {
  expect(hybrid.flatMap((each) => limits(each, false, size, 4))).toEqual([
    { file: 'cpu.cfs_quota_us', value: '150000' },
    { file: 'memory.limit_in_bytes', value: '2147483648' },
  ])
})

test('version 2 limits both in one place', () => {
  expect(unified.flatMap((each) => limits(each, true, size, 4))).toEqual([
    { file: 'memory.max', value: '2147483648' },
    { file: 'cpu.max', value: '150000 100000' },
  ])
})

test('a machine with more cores than the host gets what is there', () => {
  expect(unified.flatMap((each) => limits(each, true, { cores: 4, memoryGb: 8 }, 2))[1]?.value).toBe('max 100000')
  expect(hybrid.flatMap((each) => limits(each, false, { cores: 4, memoryGb: 8 }, 2))[0]?.value).toBe('-1')
})
