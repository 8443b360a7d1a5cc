import { expect, test } from 'vitest'
import { pipFile } from './host-settings.ts'

const cases: { env: Record<string, string>; lines: string[]; why: string }[] = [
  { env: {}, lines: [], why: 'without settings pip only learns of the system certificates' },
  {
    env: { PIP_INDEX_URL: 'https://pypi.example/simple' },
    lines: ['index-url = https://pypi.example/simple'],
    why: "a company's index is used in builds",
  },
  {
    env: { PIP_TRUSTED_HOST: 'a.example b.example' },
    lines: ['trusted-host = a.example', '  b.example'],
    why: 'several values go on lines of their own',
  },
  { env: { PIP_FIND_LINKS: '/opt/wheels' }, lines: [], why: "this host's folders mean nothing inside" },
]

for (const { env, lines, why } of cases) {
  test(why, () => {
    expect(pipFile(env)).toBe(['[global]', 'cert = /etc/ssl/certs/ca-certificates.crt', ...lines, ''].join('\n'))
  })
}
