import { AppError, explain } from './base/errors.ts'

/** The one entry. Words decide what is loaded: a pod's engine needs no CLI, `--help` no drivers. */
const [word = '', ...words] = process.argv.slice(2)

async function run(): Promise<number> {
  switch (word) {
    case 'serve':
    case 'migrate':
    case 'dump':
    case 'restore':
      return await service()
    case 'local':
      return await (await import('./local/main.ts')).runLocal(words)
    default: {
      const { main } = await import('./cli/main.ts')
      return await main(process.argv.slice(2), async () => (await import('./wiring/site.ts')).siteOperator())
    }
  }
}

async function service(): Promise<number> {
  try {
    return await serve()
  } catch (error) {
    // A missing variable is told in one line; what nobody foresaw keeps its stack.
    if (!(error instanceof AppError)) throw error
    process.stderr.write(`cloudmgr ${[word, ...words].join(' ')}: ${explain(error)}\n`)
    return 1
  }
}

async function serve(): Promise<number> {
  if (word === 'dump') return await (await import('./wiring/dumps.ts')).dump()
  if (word === 'restore') return await (await import('./wiring/dumps.ts')).restore()
  // Pods start with it, several at a time: it loads the database's driver and little else.
  if (word === 'migrate') return await (await import('./wiring/schema.ts')).migrateSchema(words)
  const { serveApi, serveEngine } = await import('./wiring/service.ts')
  if (words[0] === 'api') return await serveApi()
  if (words[0] === 'engine') return await serveEngine()
  if (words[0] === 'simulated') return await (await import('./wiring/simulated.ts')).serveSimulated(words.slice(1))
  process.stderr.write('usage: cloudmgr serve api | cloudmgr serve engine | cloudmgr serve simulated --config FILE\n')
  return 2
}

process.exitCode = await run()
