import { expect, test } from 'vitest'
import { hostNames, siteLines, withoutSiteLines, withSiteLines } from './hosts.ts'

const before = '127.0.0.1 localhost\n::1 localhost\n'
const site = {
  name: 'omega',
  profile: 'single-node',
  domain: 'omega.localhost',
  ports: { http: 8080, https: 8443, mongo: 27018, broker: 5671 },
} as const

test('the site has its four names and one for each user', () => {
  expect(hostNames(site, ['demo'])).toEqual([
    'hub.omega.localhost',
    'notebook.omega.localhost',
    'mongo.omega.localhost',
    'broker.omega.localhost',
    'demo.notebook.omega.localhost',
  ])
})

test('adding and removing leaves the file as it was', () => {
  const added = withSiteLines(before, 'omega', ['hub.omega.localhost'])
  expect(siteLines(added, 'omega')).toEqual(['127.0.0.1 hub.omega.localhost'])
  expect(withoutSiteLines(added, 'omega')).toBe(before)
})

test('adding twice changes nothing more', () => {
  const once = withSiteLines(before, 'omega', ['hub.omega.localhost'])
  expect(withSiteLines(once, 'omega', ['hub.omega.localhost'])).toBe(once)
})

test("another site's lines stay", () => {
  const both = withSiteLines(withSiteLines(before, 'one', ['hub.one.localhost']), 'two', ['hub.two.localhost'])
  expect(siteLines(withoutSiteLines(both, 'one'), 'two')).toEqual(['127.0.0.1 hub.two.localhost'])
})

test('a file without a line end keeps its last line', () => {
  expect(withSiteLines('127.0.0.1 localhost', 'omega', ['a.b'])).toMatch(/^127\.0\.0\.1 localhost\n# cloudmgr/)
})
