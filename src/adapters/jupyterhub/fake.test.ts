import { jupyterhubContract } from './contract-suite.ts'
import { createFakeJupyterhub } from './fake.ts'

const hub = createFakeJupyterhub()
jupyterhubContract(() => hub)
