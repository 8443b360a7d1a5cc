import { mongodbContract } from './contract-suite.ts'
import { createFakeMongodb } from './fake.ts'

const mongodb = createFakeMongodb()
mongodbContract(() => mongodb)
