import { mongodbContract, mongoSizesContract } from './contract-suite.ts'
import { createFakeMongodb } from './fake.ts'

const mongodb = createFakeMongodb()
mongodbContract(() => mongodb)
mongoSizesContract(() => ({ mongodb, sizes: mongodb, server: 'mongodb:27017' }))
