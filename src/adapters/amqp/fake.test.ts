import { amqpContract } from './contract-suite.ts'
import { createFakeAmqp } from './fake.ts'

const amqp = createFakeAmqp()
const [access, stranger] = ['amqp://alice:secret@h:1/v', 'amqp://alice:wrong@h:1/v'].map((url) => ({ url, tls: false }))
amqp.refuse(stranger?.url ?? '')

amqpContract(() => ({
  amqp,
  access: access ?? { url: '', tls: false },
  stranger: stranger ?? { url: '', tls: false },
  lying: async (queue) => amqp.sent.filter((one) => one.queue === queue).map(({ message }) => message.body.toString()),
}))
