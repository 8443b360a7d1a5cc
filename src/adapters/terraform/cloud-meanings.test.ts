import { describe, expect, test } from 'vitest'
import { terraformError } from './errors.ts'

const machine =
  'Cluster V2 ID fleet-default/omega: failing bootstrap machine(s) omega-control-x7k2p: failed creating server (Amazonec2Machine) in infrastructure provider: CreateError: Error creating machine: Error in driver during machine creation: '

/** What they were seen to say, by what it means. */
const said: Record<string, readonly string[]> = {
  'forbidden/cloud-quota': [
    'server limit exceeded (resource_limit_exceeded, d1798f30e86aa508)',
    'Primary IP limit exceeded (resource_limit_exceeded, 971c2996dc2dd6c0)',
    `${machine}Error launching instance: VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 32 allows`,
    'InstanceLimitExceeded: You have requested more instances (21) than your current instance limit of 20 allows',
    'QuotaExceeded: Operation could not be completed as it results in exceeding approved standardDSv2Family Cores quota. Current Limit: 10, Current Usage: 8, Additional Required: 16',
    "googleapi: Error 403: Quota 'SSD_TOTAL_GB' exceeded. Limit: 100.0 in region europe-west1., quotaExceeded",
    'Expected HTTP response code [202] but got 403 instead: {"forbidden": {"message": "Quota exceeded for cores: Requested 4, but already used 20 of 20 cores", "code": 403}}',
    'POST https://api.digitalocean.com/v2/droplets: 422 creating this/these droplet(s) will exceed your droplet limit',
    '[400] Account Limit reached. Please open a support ticket.',
  ],
  'unauthenticated/cloud-credentials': [
    'Missing Hetzner Cloud API token',
    'entered token is invalid (must be exactly 64 characters long)',
    'the token you provided is invalid (unauthorized)',
    'Bad response statusCode [401]. Status [401 Unauthorized]. Body: [message=must authenticate] from [https://rancher.example.com/v3]',
    'AuthFailure: AWS was not able to validate the provided access credentials',
    'InvalidClientTokenId: The security token included in the request is invalid.',
    'AADSTS7000215: Invalid client secret provided.',
    'GET https://api.digitalocean.com/v2/account: 401 Unable to authenticate you',
    '[401] Invalid Token',
    'ServerFaultCode: Cannot complete login due to an incorrect user name or password.',
    '[ERROR] No token_key nor access_key and secret_key are provided',
  ],
  'forbidden/cloud-forbidden': [
    'UnauthorizedOperation: You are not authorized to perform this operation.',
    "AuthorizationFailed: The client 'x' does not have authorization to perform action 'Microsoft.Compute/virtualMachines/write'",
    "googleapi: Error 403: Required 'compute.instances.create' permission for 'projects/p/zones/z/instances/i', forbidden",
    'Bad response statusCode [403]. Status [403 Forbidden]. Body: [code=Forbidden] from [https://rancher.example.com/v3/users]',
    'insufficient permissions (forbidden, 5f0d2c1b9e3a4c77)',
  ],
  'conflict/cloud-protected': ['volume deletion is protected (protected, 1b2c)'],
  'conflict/cloud-name-taken': [
    'server name is already used (uniqueness_error, 2b7d4f1a9c3e5d60)',
    'Creating cluster V2: Bad response statusCode [409]. Status [409 Conflict]. Body: [code=AlreadyExists, message=clusters.provisioning.cattle.io "omega" already exists] from [https://rancher.example.com/v1]',
  ],
  'invalid/cloud-refused': [
    'unsupported location for server type (invalid_input, 9c1d)',
    "InvalidAMIID.NotFound: The image id '[ami-1]' does not exist",
    'Bad response statusCode [422]. Status [422 Unprocessable Entity]. Body: [code=MissingRequired]',
  ],
  'unavailable/cloud-rate-limit': [
    'hcclient/WaitForActions: limit of 7200 requests per hour reached (rate_limit_exceeded)',
    'RequestLimitExceeded: Request limit exceeded.',
    'Bad response statusCode [429]. Status [429 Too Many Requests]. Body: [] from [https://rancher.example.com/v1]',
    'GET https://api.digitalocean.com/v2/droplets: 429 API Rate limit exceeded.',
  ],
  'unavailable/cloud-capacity': [
    'error during placement (resource_unavailable, de76d43fd51bd20)',
    'could not allocate metrics server (resource_unavailable)',
    `${machine}InsufficientInstanceCapacity: We currently do not have sufficient m5.large capacity in the Availability Zone you requested`,
    'SkuNotAvailable: The requested size for resource is currently not available in location',
    'ZONE_RESOURCE_POOL_EXHAUSTED: The zone does not have enough resources available to fulfill the request',
    'No valid host was found. There are not enough hosts available.',
  ],
  'unavailable/cloud-timeout': [
    "timeout while waiting for state to become 'running' (last state: 'initializing', timeout: 5m0s)",
    'Timeout waiting for cluster V2 ID fleet-default/omega',
    'Creating cluster V2: Post "https://rancher.example.com/v1": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    'Post "https://api.hetzner.cloud/v1/servers": read tcp 10.0.0.2:1->213.239.246.1:443: read: connection reset by peer',
  ],
  'unavailable/terraform-failed': [
    'Cluster V2 ID fleet-default/omega: waiting for at least one control plane, etcd, and worker node to be registered',
  ],
}

const fail = (...summaries: string[]) =>
  terraformError(
    'applying the root',
    summaries.map((summary) => ({ severity: 'error' as const, summary, address: 'module.cluster.a.b' })),
    '',
  )

describe.each(Object.entries(said))('%s', (meaning, texts) => {
  test.each(texts)('%s', (text) => {
    const { kind, code } = fail(text)
    expect(`${kind}/${code}`).toBe(meaning)
  })
})

test('the message says what to do, and the cause what was said where', () => {
  const error = fail('server limit exceeded (resource_limit_exceeded, d1)')
  expect(error.message).toMatch(/^applying the root: .*ask the cloud for a higher limit$/)
  expect(error.details?.['right']).toMatch(/higher limit/)
  expect((error.cause as Error).message).toBe('module.cluster.a.b: server limit exceeded (resource_limit_exceeded, d1)')
})

test('of several failures that counts which trying again can not mend', () => {
  expect(fail('Timeout waiting for cluster V2 ID a', 'server limit exceeded (resource_limit_exceeded)').code).toBe(
    'cloud-quota',
  )
})
