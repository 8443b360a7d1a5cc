import { afterEach, expect, test } from 'vitest'
import { sweep } from '../../src/accounts/sweep.ts'
import { siteWith } from '../../src/api/testing.ts'
import { browserOf } from '../../src/api/testing-browser.ts'
import { type Service, startService } from './house.ts'

let service: Service
let admin: ReturnType<Service['as']>

afterEach(async () => await service.close())

async function open(signUp: object = {}) {
  service = await startService(undefined, siteWith({ signUp: { open: true, runtime: 'shared', ...signUp } }))
  const { body } = await service.bootstrap()
  admin = service.as('admin', body.admin.apikey)
  await service.engine.start()
  await service.ended(body.omworker.command)
}

const password = 'a long password'
const signUp = async (email: string, more: object = {}) => {
  const answer = await service.anybody.post('/api/v2/signup', { email, password, ...more })
  expect(answer).toMatchObject({ status: 202 })
  return answer.body
}
const confirm = async (token: string) => await service.anybody.post('/api/v2/signup/confirm', { token })
const mailsTo = async (to: string) => (await admin.get(`/api/v2/mails?to=${to}`)).body.mails
const tokenFor = async (to: string): Promise<string> => tokenIn((await mailsTo(to))[0].text)
const tokenIn = (text: string) => /token=(\w+)/.exec(text)?.[1] ?? 'no token'
/** As its owner sees it: nobody else does. */
async function keyOf(name: string, word: string): Promise<string> {
  const browser = browserOf(service)
  await browser.post('/api/v2/session', { login: name, password: word })
  return (await browser.get(`/api/v2/accounts/${name}/credentials`)).body.apikey
}
const plansOrdered = async () =>
  (await service.db.selectFrom('commands').select('plan').where('plan', '=', 'omegaml').execute()).length

test('signed up, confirmed by the link, delivered, signed in', async () => {
  await open()
  expect(await signUp('Testing.User@Example.org')).toEqual({ next: 'confirm' })
  expect(await plansOrdered()).toBe(0)
  const [mail] = await mailsTo('testing.user@example.org')
  expect(mail).toMatchObject({ to: 'testing.user@example.org', kind: 'confirm-mail', status: 'listed' })
  expect(mail.text).toMatch(/go to http:\/\/hub\.omega\.localhost:8080\/accounts\/confirm\?token=\w+$/m)

  const { status, body } = await confirm(tokenIn(mail.text))
  expect([status, body]).toMatchObject([200, { userid: 'testinguser', mailConfirmed: true, status: 'pending' }])
  await service.ended(body.command)

  const browser = browserOf(service)
  const signedIn = await browser.post('/api/v2/session', { login: 'testing.user@example.org', password })
  expect(signedIn).toMatchObject({ status: 200, body: { account: { userid: 'testinguser', status: 'active' } } })
  const { apikey } = (await browser.get('/api/v2/accounts/testinguser/credentials')).body
  expect((await service.as('testinguser', apikey).get('/api/v1/config/')).status).toBe(200)
  expect((await mailsTo('testing.user@example.org'))[0]).toMatchObject({ kind: 'account-ready' })
})

test('where strangers may sign up, they get a virtual host and workers of their own', async () => {
  await open({ runtime: undefined, confirmation: false })
  await signUp('alice@example.org')
  const vhostOf = async (name: string) => {
    const { body } = await admin.get(`/api/v2/deployments?account=${name}`)
    for (const { command } of body.deployments) await service.ended(command.id)
    return (await admin.get(`/api/v2/deployments?account=${name}`)).body.deployments
  }
  const browser = browserOf(service)
  await browser.post('/api/v2/session', { login: 'alice@example.org', password })
  const orders = async () => (await browser.get('/api/v2/commands?account=alice')).body.commands
  for (const { id } of await orders()) await service.ended(id)
  expect((await orders()).map(({ plan }: { plan: string }) => plan)).toEqual(['runtime', 'omegaml', 'signup'])
  expect(await vhostOf('alice')).toMatchObject([
    { plan: 'omegaml', state: 'active', params: { vhost: true } },
    { plan: 'runtime', instance: 'worker', state: 'active', params: { label: 'worker', size: 1 } },
  ])
  // Whom an admin lets in shares the workers with the admin's others.
  const { body } = await admin.post('/api/v2/accounts', { name: 'bobby', email: 'b@example.org' })
  await service.ended(body.command)
  expect(await vhostOf('bobby')).toMatchObject([{ plan: 'omegaml', params: { vhost: false } }])
})

test('a link works once, typed too; another is sent on demand, but not every second', async () => {
  await open()
  await signUp('alice@example.org')
  const resend = async () => await service.anybody.post('/api/v2/signup/resend', { email: 'ALICE@example.org' })
  expect((await resend()).status).toBe(202)
  expect(await mailsTo('alice@example.org')).toHaveLength(1)
  service.pass(60_000)
  expect((await resend()).status).toBe(202)
  const mails = await mailsTo('alice@example.org')
  expect(mails).toHaveLength(2)
  expect((await confirm(` ${tokenIn(mails[0].text)} `)).status).toBe(200)
  for (const { text } of mails) {
    expect(await confirm(tokenIn(text))).toMatchObject({ status: 400, body: { code: 'token-invalid' } })
  }
  expect((await confirm('nonsense')).body.errors).toMatchObject([{ field: 'token' }])
  expect((await service.anybody.post('/api/v2/signup/resend', { email: 'nobody@example.org' })).status).toBe(202)
  expect(await mailsTo('nobody@example.org')).toEqual([])
})

test('a link that is too old does not work', async () => {
  await open()
  await signUp('alice@example.org')
  const token = await tokenFor('alice@example.org')
  service.pass(3 * 86_400_000)
  expect((await confirm(token)).body.code).toBe('token-invalid')
  service.pass(5 * 86_400_000)
  await sweep(service.db, service.deps.clock.now())
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
})

test('nothing tells whether an address is known: its owner gets a mail', async () => {
  await open()
  await signUp('alice@example.org')
  await confirm(await tokenFor('alice@example.org'))
  const again = await signUp('alice@example.org', { name: 'mallory' })
  expect(again).toEqual(await signUp('new@example.org', { name: 'mallory' }))
  expect((await mailsTo('alice@example.org'))[0]).toMatchObject({ kind: 'account-known' })
  await signUp('alice@example.org')
  expect(await mailsTo('alice@example.org')).toHaveLength(3)
})

test('whoever confirms gets the password of the very sign-up whose link was used', async () => {
  await open()
  await signUp('alice@example.org', { password: 'laid ready by another' })
  service.pass(60_000)
  await signUp('alice@example.org')
  const [own] = await mailsTo('alice@example.org')
  await confirm(tokenIn(own.text))
  const signIn = async (word: string) =>
    (await service.anybody.post('/api/v2/session', { login: 'alice', password: word })).status
  expect([await signIn('laid ready by another'), await signIn(password)]).toEqual([401, 200])
})

test('names are made unique, and never those of the site', async () => {
  await open({ confirmation: false })
  for (const email of ['alice@a.org', 'alice@b.org', 'a.lice@c.org', 'admin@a.org', 'root@a.org']) await signUp(email)
  await signUp('x@a.org', { name: 'alice' })
  const { accounts } = (await admin.get('/api/v2/accounts')).body
  const names = accounts.map((account: { userid: string }) => account.userid)
  expect(names).toEqual(['admin', 'admin2', 'alice', 'alice2', 'alice3', 'alice4', 'jyadmin', 'omworker', 'root2'])
})

test('many at once with one address or one name are one account each', async () => {
  await open({ confirmation: false })
  await Promise.all(Array.from({ length: 5 }, async () => await signUp('alice@a.org')))
  await Promise.all(['b', 'c', 'd'].map(async (host) => await signUp(`alice@${host}.org`)))
  const { accounts } = (await admin.get('/api/v2/accounts')).body
  expect(accounts.filter(({ role }: { role: string }) => role === 'user')).toHaveLength(4)
  expect(await plansOrdered()).toBe(4)
})

test('with approval an admin opens the account, and its plan is ordered then', async () => {
  await open({ approval: true })
  await signUp('alice@example.org')
  expect((await admin.post('/api/v2/accounts/alice/approve')).body.code).toBe('account-state-wrong')
  expect((await confirm(await tokenFor('alice@example.org'))).body).toMatchObject({ status: 'waiting-approval' })
  const signIn = async () => await service.anybody.post('/api/v2/session', { login: 'alice', password })
  expect(await signIn()).toMatchObject({ status: 403, body: { code: 'account-waiting-approval' } })
  expect(await plansOrdered()).toBe(0)
  const waiting = async () => (await admin.get('/api/v2/accounts?state=waiting-approval')).body.accounts
  expect(await waiting()).toMatchObject([{ userid: 'alice' }])

  const { status, body } = await admin.post('/api/v2/accounts/alice/approve')
  expect(status).toBe(200)
  await service.ended(body.command)
  expect(await waiting()).toEqual([])
  expect((await signIn()).body.account.status).toBe('active')
  expect((await admin.post('/api/v2/accounts/alice/approve')).status).toBe(409)
  const audited = await service.db.selectFrom('audit_log').select(['actor', 'action', 'subject']).execute()
  for (const action of ['account.sign-up', 'account.confirm']) {
    expect(audited).toContainEqual({ actor: 'alice', action, subject: 'alice' })
  }
  expect(audited).toContainEqual({ actor: 'admin', action: 'account.approve', subject: 'alice' })
})

test('who is rejected is told, and the name is free again', async () => {
  await open({ approval: true, confirmation: false })
  expect(await signUp('alice@example.org')).toEqual({ next: 'wait-for-approval' })
  expect((await admin.post('/api/v2/accounts/alice/reject')).status).toBe(204)
  expect((await mailsTo('alice@example.org'))[0]).toMatchObject({ kind: 'account-rejected' })
  expect((await admin.get('/api/v2/accounts/alice')).status).toBe(404)
  await signUp('alice@example.org')
  expect((await admin.get('/api/v2/accounts/alice')).body.status).toBe('waiting-approval')
})

test('who waits is found by state, and is removed at once', async () => {
  await open({ approval: true })
  await signUp('alice@example.org')
  await signUp('bobby@example.org')
  await confirm(await tokenFor('bobby@example.org'))
  const waiting = (await admin.get('/api/v2/accounts?state=waiting-approval')).body.accounts
  expect(waiting.map((account: { userid: string }) => account.userid)).toEqual(['bobby'])
  for (const name of ['alice', 'bobby']) {
    expect((await admin.delete(`/api/v2/accounts/${name}`)).body).toMatchObject({ status: 'removed' })
    expect((await admin.get(`/api/v2/accounts/${name}`)).status).toBe(404)
  }
  expect(await plansOrdered()).toBe(0)
})

test('only some domains, every bad field, and a closed door', async () => {
  await open({ domains: ['example.org'] })
  const send = async (body: object) => await service.anybody.post('/api/v2/signup', body)
  const wrong = await send({ email: 'a@other.org', password: 'short', name: 'A' })
  expect(wrong.status).toBe(400)
  expect(wrong.body.errors.map((error: { field: string }) => error.field)).toEqual(['email', 'password', 'name'])
  expect(JSON.stringify(wrong.body)).not.toContain('"short"')
  expect(await send({ email: 'a@other.org', password })).toMatchObject({ body: { code: 'mail-domain-refused' } })
  await signUp('a@example.org')
  await service.close()

  await open({ open: false })
  expect(await send({ email: 'a@example.org', password })).toMatchObject({
    status: 403,
    body: { code: 'sign-up-closed' },
  })
})

test('a program of staff signs people up as the original did', async () => {
  await open({ open: false })
  const { apikey } = (
    await admin.post('/api/v2/accounts', {
      name: 'portal',
      email: 'portal@example.org',
      role: 'staff',
      rights: ['accounts:create', 'accounts:read'],
    })
  ).body
  const staff = service.as('portal', apikey)
  const wish = { email: 'testing.user@example.org', first_name: 'Testing', last_name: 'User', password }
  const { status, body } = await staff.post('/admin/api/v2/auth/signup/', wish)
  expect(status).toBe(201)
  expect((await staff.get(body.resource_uri)).body).toMatchObject({ email: wish.email, email_verified: false })
  const opened = (await confirm(await tokenFor(wish.email))).body
  await service.ended(opened.command)
  expect((await staff.get(body.resource_uri)).body).toMatchObject({ username: 'testinguser', email_verified: true })

  expect((await staff.post('/admin/api/v2/auth/signup/', wish)).body.error.code).toBe('email-taken')
  expect((await staff.post('/admin/api/v2/auth/signup/', { ...wish, email: 'x' })).status).toBe(400)
  const user = service.as('testinguser', await keyOf('testinguser', password))
  expect((await user.post('/admin/api/v2/auth/signup/', { ...wish, email: 'b@example.org' })).status).toBe(403)
  expect((await user.get(body.resource_uri)).status).toBe(200)
  expect((await user.get('/admin/api/v2/auth/signup/1/')).status).toBe(403)
})

test('mails are for admins only', async () => {
  await open({ confirmation: false })
  await signUp('alice@example.org')
  const alice = service.as('alice', await keyOf('alice', password))
  const [mail] = await mailsTo('alice@example.org')
  for (const url of ['/api/v2/mails', `/api/v2/mails/${mail.id}`]) expect((await alice.get(url)).status).toBe(403)
  expect((await admin.get(`/api/v2/mails/${mail.id}`)).body).toEqual(mail)
  expect((await admin.get('/api/v2/mails/999')).status).toBe(404)
  await signUp('bobby@example.org')
  const first = (await admin.get('/api/v2/mails?limit=1')).body
  expect(first.mails[0].to).toBe('bobby@example.org')
  expect((await admin.get(`/api/v2/mails?limit=1&before=${first.next}`)).body.mails).toEqual([mail])
})
