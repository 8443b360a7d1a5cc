import { afterEach, expect, test } from 'vitest'
import { answerHttp, type HttpAnswers } from '../../../test/support/http-answers.ts'
import { createKubernetes } from './api.ts'

let server: HttpAnswers
afterEach(() => server.stop())

function kubernetes() {
  const name = 'test'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  }
  return createKubernetes({ kubeconfig: JSON.stringify(config) })
}

const pods = { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] }
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'new', namespace: 'default' } }

test('a pod that its kubelet does not know yet has said nothing', async () => {
  server = await answerHttp((asked) => {
    if (asked === 'GET /api/v1') return { status: 200, body: pods }
    return asked.endsWith('/log') ? { status: 404 } : { status: 200, body: pod }
  })
  expect(await kubernetes().podLogs({ namespace: 'default', name: 'new' })).toBe('')
})
