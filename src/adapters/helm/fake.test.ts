import { helmContract } from './contract-suite.ts'
import { createFakeHelm } from './fake.ts'

const helm = createFakeHelm()
helmContract(() => ({ helm, chart: '/charts/demo' }))
