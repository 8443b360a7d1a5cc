import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { IMAGES } from './catalogue.ts'

test('whatever the pages are built from is an input of the image that holds them', () => {
  const notBuilt = ['dist', 'node_modules', 'tsconfig.json']
  const inputs = readdirSync(join(resolve(import.meta.dirname, '../..'), 'web'))
    .filter((name) => !notBuilt.includes(name))
    .map((name) => `web/${name}`)
  expect(IMAGES.cloudmgr.sources).toEqual(expect.arrayContaining(inputs))
  expect(IMAGES.cloudmgr.sources).not.toContain('web/dist')
})
