import { parentPort, workerData } from 'node:worker_threads'
import { ask, type FromElsewhere, load } from './bench-load.ts'

const { port, path, people, count, atOnce } = workerData as FromElsewhere
const asked = await load(count, atOnce, async (index) => await ask(port, path, people[index % people.length] ?? ''))
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(asked)
