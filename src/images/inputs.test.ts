import { chmod, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inputsKey, layOutContext } from './inputs.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloudmgr-inputs-'))
  await mkdir(join(folder, 'src'))
  await writeFile(join(folder, 'Containerfile'), 'FROM scratch\n')
  await writeFile(join(folder, 'src', 'main.ts'), 'run()\n')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const key = (parents: string[] = []) =>
  inputsKey({ Containerfile: join(folder, 'Containerfile'), src: join(folder, 'src') }, parents)

const changes: { change: () => Promise<void>; changesKey: boolean; why: string }[] = [
  {
    change: () => writeFile(join(folder, 'src', 'main.ts'), 'walk()\n'),
    changesKey: true,
    why: 'a changed source is another image',
  },
  {
    change: () => writeFile(join(folder, 'src', 'new.ts'), ''),
    changesKey: true,
    why: 'an empty new file is another image',
  },
  {
    change: () => chmod(join(folder, 'src', 'main.ts'), 0o755),
    changesKey: true,
    why: 'a file that became a program is another image',
  },
  {
    change: () => symlink('main.ts', join(folder, 'src', 'link')),
    changesKey: true,
    why: 'a new link is another image',
  },
  {
    change: () => utimes(join(folder, 'src', 'main.ts'), 1, 1),
    changesKey: false,
    why: 'a fresh checkout has other times and the same image',
  },
  {
    change: () => writeFile(join(folder, 'src', 'main.test.ts'), 'test()\n'),
    changesKey: false,
    why: 'tests are not part of an image',
  },
  {
    change: () => writeFile(join(folder, 'src', 'README.md'), '# Read\n'),
    changesKey: false,
    why: 'words about an image do not change it',
  },
]

for (const { change, changesKey, why } of changes) {
  test(why, async () => {
    const before = await key()
    await change()
    expect((await key()) !== before).toBe(changesKey)
  })
}

test('another base is another image', async () => {
  expect(await key(['debian-1'])).not.toBe(await key(['debian-2']))
})

test('a missing input is named', async () => {
  const missing = inputsKey({ charts: join(folder, 'charts') }, [])
  await expect(missing).rejects.toMatchObject({ kind: 'invalid', code: 'image-input-missing' })
})

test('what the key leaves out stays out of the context', async () => {
  await writeFile(join(folder, 'src', 'main.test.ts'), 'test()\n')
  await mkdir(join(folder, 'src', 'node_modules'))
  await layOutContext({ app: join(folder, 'src') }, join(folder, 'context'))
  expect(await readdir(join(folder, 'context', 'app'))).toEqual(['main.ts'])
})
