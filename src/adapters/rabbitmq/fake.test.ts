import { rabbitmqContract } from './contract-suite.ts'
import { createFakeRabbitmq } from './fake.ts'

const broker = createFakeRabbitmq()
rabbitmqContract(() => broker)
