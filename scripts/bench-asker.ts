import { parentPort, workerData } from 'node:worker_threads'
import { ask, type FromElsewhere, load } from './bench-load.ts'

const { port, path, people, count, atOnce } = workerData as FromElsewhere
parentPort?.postMessage(
  await load(count, atOnce, async (index) => await ask(port, path, people[index % people.length] ?? '')),
)
