import { expect, test } from 'vitest'
import type { Site } from '../site/site.ts'
import { reachOf, reachText, sshText } from './reach-text.ts'

const ports = { http: 8080, https: 8443, mongo: 27018, broker: 5671 }
const local: Site = { name: 'omega', profile: 'single-node', domain: 'omega.internal', ports }
const far: Site = { ...local, listen: '192.0.2.7' }
const names = ['hub', 'notebook', 'mongo', 'broker', 'admin.notebook', 'demo.notebook'].map(
  (name) => `${name}.omega.internal`,
)
const ssh = { SSH_CONNECTION: '198.51.100.4 50022 192.0.2.7 22', USER: 'root' }

test('a site of the loopback says nothing of other machines', () => {
  expect(reachText(local, '/state', [])).toEqual([])
  expect(reachOf(local, '/state', [])).toBeUndefined()
})

test('a site that others reach says what of it, and what to paste over there', () => {
  const text = reachText(far, '/state', []).join('\n')
  expect(text).toContain('listens on 192.0.2.7')
  for (const port of ['8443', '27018', '5671']) expect(text).toMatch(new RegExp(`^    ${port} +\\S`, 'm'))
  expect(text).toContain("plain HTTP (8080) stays on this machine's loopback")
  expect(text).toContain(`192.0.2.7 ${names.join(' ')}`)
  expect(text).toContain('copy /state/authority.pem')
  expect(text).toContain('REQUESTS_CA_BUNDLE=$PWD/omega-ca.pem CA_CERTS_PATH=$PWD/omega-ca.pem')
})

test('where it listens on all addresses, one that others can type is in the lines', () => {
  const everywhere = { ...far, listen: '0.0.0.0' }
  expect(reachOf(everywhere, '/state', ['2001:db8::7', '192.0.2.7', '10.0.0.7'])?.hosts).toEqual([
    `192.0.2.7 ${names.join(' ')}`,
  ])
  const text = reachText(everywhere, '/state', ['192.0.2.7', '10.0.0.7']).join('\n')
  expect(text).toContain('all addresses of this machine')
  expect(text).toContain('another address of 192.0.2.7, 10.0.0.7')
})

test('over SSH a tunnel and the names for its other end are printed', () => {
  const text = sshText(local, ssh).join('\n')
  const tunnels = '-L 8080:127.0.0.1:8080 -L 27018:127.0.0.1:27018 -L 5671:127.0.0.1:5671'
  expect(text).toContain(`ssh ${tunnels} root@192.0.2.7`)
  expect(text).toContain(`127.0.0.1 ${names.join(' ')}`)
})

const cases: { site: Site; env: Record<string, string>; says: string | undefined; why: string }[] = [
  { site: local, env: {}, says: undefined, why: 'nobody came by SSH' },
  { site: far, env: ssh, says: undefined, why: 'the site is reached without a tunnel' },
  { site: local, env: { SSH_CONNECTION: 'UNKNOWN' }, says: undefined, why: 'sshd did not know the address' },
  {
    site: local,
    env: { ...ssh, SUDO_USER: 'ada' },
    says: 'ada@192.0.2.7',
    why: 'the tunnel is of who signed in, not of root',
  },
  {
    site: local,
    env: { SSH_CONNECTION: '2001:db8::4 50022 2001:db8::7 2222', USER: 'ada' },
    says: 'ssh -p 2222',
    why: 'another port of sshd is named',
  },
]

for (const { site, env, says, why } of cases) {
  test(why, () => {
    const text = sshText(site, env).join('\n')
    if (says === undefined) expect(text).toBe('')
    else expect(text).toContain(says)
  })
}
