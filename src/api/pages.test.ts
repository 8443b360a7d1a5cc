import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, brotliCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHouse, type TestHouse } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-pages-'))
const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
let house: TestHouse

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>pages</title>')
  writeFileSync(join(folder, 'assets', 'main-1a2b.js'), 'start()')
  writeFileSync(join(folder, 'assets', 'main-1a2b.js.br'), brotliCompressSync('start()'))
  house = await startHouse({ pages: folder })
})
afterAll(async () => {
  await house.close()
  rmSync(folder, { recursive: true, force: true })
})

test('every page is the same document, asked for anew each time, under a strict policy', async () => {
  for (const url of ['/', '/accounts', '/accounts/login', '/accounts/confirm?token=1', '/mails/']) {
    const answer = await house.open.inject({ url, headers: html })
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toContain('<title>pages</title>')
    expect(answer.headers['cache-control']).toBe('no-store')
    const policy = String(answer.headers['content-security-policy'])
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(policy).not.toMatch(/unsafe|\*|data:|http/)
  }
})

test('hashed files never change, and come compressed to who takes it', async () => {
  const plain = await house.open.inject('/assets/main-1a2b.js')
  expect(plain.body).toBe('start()')
  expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  const small = await house.open.inject({ url: '/assets/main-1a2b.js', headers: { 'accept-encoding': 'br' } })
  expect(small.headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding' })
  expect(brotliDecompressSync(small.rawPayload).toString()).toBe('start()')
})

const unknown: { url: string; headers: Record<string, string>; document: boolean; why: string }[] = [
  { url: '/nowhere', headers: html, document: true, why: 'a person who mistyped a page is told on a page' },
  { url: '/nowhere', headers: {}, document: false, why: 'a program that mistyped a path is told in JSON' },
  { url: '/api/v2/nowhere', headers: html, document: false, why: 'below /api there are no pages' },
  { url: '/api', headers: html, document: false, why: 'nor is /api itself one' },
  { url: '/assets/main-0000.js', headers: html, document: false, why: 'a file of an older build is no page' },
  { url: '/assets/../index.html', headers: {}, document: false, why: 'nothing beside the files is served' },
]

for (const { url, headers, document, why } of unknown) {
  test(why, async () => {
    const answer = await house.open.inject({ url, headers })
    expect(answer.statusCode).toBe(404)
    expect(answer.headers['content-type']).toMatch(document ? /^text\/html/ : /json/)
  })
}

test('other methods are answered as before', async () => {
  const answer = await house.open.inject({ method: 'POST', url: '/accounts/login', headers: html, payload: {} })
  expect(answer.statusCode).toBe(404)
  expect(answer.headers['content-type']).toMatch(/json/)
})

test('the internal port has no pages', async () => {
  expect((await house.inside.inject({ url: '/', headers: html })).statusCode).toBe(404)
})

test('before the pages are built, a plain front page says what this is', async () => {
  const plain = await startHouse({ pages: join(folder, 'not-built') })
  const answer = await plain.open.inject({ url: '/', headers: html })
  expect(answer.body).toContain('om cloud login')
  await plain.close()
})
