import { rabbitmqContract, rabbitmqMonitorContract } from './contract-suite.ts'
import { createFakeRabbitmq } from './fake.ts'

const broker = createFakeRabbitmq()
rabbitmqContract(() => broker)
rabbitmqMonitorContract(() => ({
  broker,
  monitor: broker,
  consume: async (vhost, queues) => {
    broker.setConsumers(
      vhost,
      queues.map((queue) => ({ queue, connection: 'worker' })),
    )
    return async () => broker.setConsumers(vhost, [])
  },
}))
