/** The one entry. Words decide what is loaded: a pod's engine needs no CLI, `--help` no drivers. */
const [word, ...words] = process.argv.slice(2)

async function run(): Promise<number> {
  switch (word) {
    case 'serve':
    case 'migrate':
      return await service()
    case 'local':
      return await local()
    default: {
      const { main } = await import('./cli/main.ts')
      return await main(process.argv.slice(2), async () => (await import('./wiring/site.ts')).siteOperator())
    }
  }
}

async function service(): Promise<number> {
  const { serveApi, serveEngine, migrateSchema } = await import('./wiring/service.ts')
  if (word === 'migrate') return await migrateSchema(words)
  if (words[0] === 'api') return await serveApi()
  if (words[0] === 'engine') return await serveEngine()
  process.stderr.write('usage: cloudmgr serve api | cloudmgr serve engine\n')
  return 2
}

/** A program of its own, which reads its words itself. */
async function local(): Promise<number> {
  process.argv.splice(2, 1)
  await import('./local/main.ts')
  return Number(process.exitCode ?? 0)
}

process.exitCode = await run()
