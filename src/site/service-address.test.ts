import { expect, test } from 'vitest'
import { isOpenToReaders, serviceAddress } from './service-address.ts'

const addresses: { url: string; is: object; why: string }[] = [
  {
    url: 'https://hub.example.org/',
    is: {
      url: 'https://hub.example.org',
      target: { host: 'hub.example.org', port: 443, tls: { servername: 'hub.example.org' } },
      host: 'hub.example.org',
      base: '',
    },
    why: 'the usual port, no slash at the end',
  },
  {
    url: 'http://Hub.Example.org:8080/cloud/',
    is: {
      url: 'http://hub.example.org:8080/cloud',
      target: { host: 'hub.example.org', port: 8080 },
      host: 'hub.example.org:8080',
      base: '/cloud',
    },
    why: 'a path in front of every path',
  },
  {
    url: 'https://hub.omega.localhost:8443',
    is: {
      url: 'https://hub.omega.localhost:8443',
      target: { host: '127.0.0.1', port: 8443, tls: { servername: 'hub.omega.localhost' } },
      host: 'hub.omega.localhost:8443',
      base: '',
    },
    why: 'names of this machine are not looked up',
  },
]
for (const { url, is, why } of addresses) test(why, () => expect(serviceAddress(url)).toEqual(is))

for (const url of [
  'hub.example.org',
  'ftp://hub.example.org',
  'https://alice:key@hub.example.org',
  'https://h/?a=1',
  '',
]) {
  test(`${url} is no address`, () => {
    expect(() => serviceAddress(url)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'url-wrong' }))
  })
}

test('a key in a URL is not told back', () => {
  expect(() => serviceAddress('https://alice:secret@hub.example.org')).not.toThrow(/secret/)
})

const readable: [string, boolean][] = [
  ['https://hub.example.org', false],
  ['http://hub.example.org', true],
  ['http://hub.omega.localhost:8080', false],
  ['http://127.0.0.1:8080', false],
  ['http://[::1]:8080', false],
]
for (const [url, isOpen] of readable) {
  test(`${url} ${isOpen ? 'can' : 'can not'} be read on the way`, () =>
    expect(isOpenToReaders(serviceAddress(url))).toBe(isOpen))
}
