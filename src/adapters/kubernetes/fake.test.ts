import { kubernetesContract } from './contract-suite.ts'
import { createFakeKubernetes } from './fake.ts'

kubernetesContract(async () => ({ kubernetes: createFakeKubernetes() }))
