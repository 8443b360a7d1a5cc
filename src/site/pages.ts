import { existsSync } from 'node:fs'
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { AppError } from '../base/errors.ts'
import { IMAGES } from '../images/catalogue.ts'
import { inputsKey, layOutContext } from '../images/inputs.ts'
import { cleanEnv, findOnPath } from '../tools/process.ts'
import type { Pages, PagesRun } from './actions/pages.ts'

/** Pages built from the checkout into the cache, once for each state of their sources. */
export function createPages(project: string, cache: string): Pages {
  const sources = sourcesIn(project)
  const folderOf = async () => join(cache, 'pages', await inputsKey(sources, []))
  return {
    find: async () => {
      const folder = await folderOf()
      return existsSync(join(folder, 'index.html')) ? folder : undefined
    },
    build: async (run) => {
      const folder = await folderOf()
      const work = await workFolder(project, cache, run)
      if (work === undefined) return undefined
      const part = `${folder}.${process.pid}`
      await mkdir(join(cache, 'pages'), { recursive: true })
      // The sources' folder may be somebody else's: vite writes nothing beside them.
      const words = ['build', '--configLoader', 'runner', '--outDir', part, '--emptyOutDir', '--logLevel', 'warn']
      await call(join(work, 'node_modules/.bin/vite'), words, join(work, 'web'), run)
      await rm(folder, { recursive: true, force: true })
      await rename(part, folder)
      return folder
    },
  }
}

/** What the image of cloudmgr builds them from, too. */
function sourcesIn(project: string): Record<string, string> {
  const files = IMAGES.cloudmgr.sources.filter((name) => name === 'package-lock.json' || name.startsWith('web/'))
  return Object.fromEntries(files.map((name) => [name, join(project, name)]))
}

/** The checkout, where its packages for the pages are installed; else a copy in the cache that gets them. */
async function workFolder(project: string, cache: string, run: PagesRun): Promise<string | undefined> {
  if (existsSync(join(project, 'node_modules/.bin/vite'))) return project
  const path = `${process.env['PATH'] ?? ''}:${join(cache, 'node-24.19.0/bin')}`
  if ((await findOnPath('npm', path)) === undefined) {
    run.output('the pages are not built: npm is missing, which fetches the packages that their build needs')
    return undefined
  }
  const key = await inputsKey({ lock: join(project, 'package-lock.json') }, [])
  const work = join(cache, `web-${key}`)
  await mkdir(work, { recursive: true })
  await cp(join(project, 'package.json'), join(work, 'package.json'))
  await rm(join(work, 'web'), { recursive: true, force: true })
  await layOutContext(sourcesIn(project), work)
  if (existsSync(join(work, 'node_modules/.bin/vite'))) return work
  run.output('fetching the packages that the build of the pages needs')
  const words = ['install', '--no-save', '--workspace', 'web', '--ignore-scripts', '--no-fund', '--no-audit']
  await call('npm', words, work, run, path)
  return work
}

async function call(program: string, words: readonly string[], cwd: string, run: PagesRun, path = ''): Promise<void> {
  const env = { ...cleanEnv(), PATH: path === '' ? `${process.env['PATH'] ?? ''}:/usr/bin:/bin` : path }
  const options = { cwd, env, extendEnv: false, all: true, reject: false, stdin: 'ignore', cancelSignal: run.signal }
  const { exitCode, all } = await execa(program, words, { ...options, all: true, stdin: 'ignore' })
  run.signal.throwIfAborted()
  if (exitCode === 0) return
  const said = String(all ?? '')
    .trim()
    .split('\n')
    .slice(-4)
    .join(' | ')
  throw new AppError('conflict', 'pages-build', `building the portal's pages: ${said}`)
}
