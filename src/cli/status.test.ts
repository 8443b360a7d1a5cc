import { expect, test } from 'vitest'
import type { ComponentState } from '../site/components.ts'
import { hostChecks } from '../site/checks.ts'
import { renderChecks } from './doctor.ts'
import { renderStatus, type SiteStatus, stateOf } from './status.ts'
import { plain } from './style.ts'

const part = (state: ComponentState['state']): ComponentState => ({
  name: 'omegaweb',
  kind: 'Deployment',
  namespace: 'omegaml-services',
  state,
  reason: '0 of 1 ready',
})
const node = (ready: boolean) => ({ name: 'node-1', role: 'worker', ready, cores: '4', memoryGb: '8.0' })

const cases: {
  why: string
  answers: boolean
  nodes: boolean[]
  parts: ComponentState['state'][]
  last?: 'running' | 'failed'
  busy?: boolean
  state: SiteStatus['state']
}[] = [
  { why: 'everything serves', answers: true, nodes: [true], parts: ['ready'], state: 'up' },
  { why: 'a component does not serve', answers: true, nodes: [true], parts: ['ready', 'waiting'], state: 'degraded' },
  { why: 'a machine is lost', answers: true, nodes: [true, false], parts: ['ready'], state: 'degraded' },
  { why: 'nothing is installed', answers: true, nodes: [true], parts: [], state: 'degraded' },
  { why: 'the local cloud does not run', answers: false, nodes: [], parts: [], state: 'down' },
  { why: 'a command runs', answers: false, nodes: [], parts: [], last: 'running', busy: true, state: 'changing' },
  {
    why: 'the last command failed',
    answers: true,
    nodes: [true],
    parts: ['ready'],
    last: 'failed',
    state: 'degraded',
  },
]

for (const { why, answers, nodes, parts, last, busy, state } of cases) {
  test(`${state}: ${why}`, () => {
    const seen = { nodes: nodes.map(node), components: parts.map(part) }
    expect(stateOf(answers, seen, last === undefined ? undefined : { state: last }, busy ?? false)).toBe(state)
  })
}

const shown: SiteStatus = {
  site: 'omega',
  profile: 'single-node',
  state: 'degraded',
  urls: { api: 'http://hub.test', notebook: 'http://notebook.test' },
  nodes: [],
  components: [],
  running: [],
}
const commands: { why: string; result: Partial<SiteStatus>; says: string[] }[] = [
  { why: 'a site that is down', result: { state: 'down' }, says: ['./cloudmgr up starts it'] },
  {
    why: 'an up that failed',
    result: { command: { id: 2, plan: 'site', phase: 'install', state: 'failed', message: 'image-mysql: no space' } },
    says: [
      'Command 2 (site) failed: image-mysql: no space',
      './cloudmgr up continues it; ./cloudmgr logs image-mysql shows what it printed',
    ],
  },
  {
    why: 'a down that was interrupted',
    result: { command: { id: 3, plan: 'site-down', phase: 'remove', state: 'running', message: undefined } },
    says: ['Command 3 (site-down) was interrupted', './cloudmgr down continues it'],
  },
  {
    why: 'a component that does not serve',
    result: { command: { id: 2, plan: 'site', phase: 'install', state: 'done', message: undefined } },
    says: ['./cloudmgr doctor says what is missing, ./cloudmgr up mends it'],
  },
  { why: 'a site that is up', result: { state: 'up' }, says: ['  Notebooks  http://notebook.test'] },
]
for (const { why, result, says } of commands) {
  test(`status says what to do about ${why}`, () => {
    expect(renderStatus({ ...shown, ...result }, plain).slice(-says.length)).toEqual(says)
  })
}

test('the doctor says what is missing and how to mend it', () => {
  const facts = {
    platform: 'linux',
    uid: 1000,
    cores: 2,
    memoryGb: 16,
    availableGb: 8,
    cacheFreeGb: 30,
    stateFreeGb: 5,
    warm: false,
    addresses: [],
    company: { proxies: {}, authorities: [] },
    cgroups: { version: 2 as const, controllers: ['cpu', 'memory', 'pids'] },
  }
  const lines = renderChecks(hostChecks(facts), plain)
  expect(lines).toContain('✗ disk         5.0 GB free where the state lies, about 20 GB are needed for the first start')
  expect(lines).toContain(
    '               mend: run it with sudo -E, or try a simulated site: ./cloudmgr up --simulated',
  )
  expect(lines.at(-1)).toBe('2 to mend')
})
