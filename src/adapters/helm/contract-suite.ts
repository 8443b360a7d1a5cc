import { expect, test } from 'vitest'
import type { Helm } from './port.ts'

/** What every implementation keeps; `chart` takes a value `data` of texts. */
export function helmContract(parts: () => { helm: Helm; chart: string }): void {
  test('a release is installed, upgraded, listed and uninstalled', async () => {
    const { helm, chart } = parts()
    const release = { name: 'demo', namespace: 'helm-contract', chart, values: { data: { a: 'one' } } }
    expect(await helm.find('demo', 'helm-contract')).toBeUndefined()
    expect(await helm.objects('demo', 'helm-contract')).toEqual([])

    const first = await helm.upgrade(release)
    expect(first).toMatchObject({ revision: 1, status: 'deployed', fingerprint: await helm.fingerprint(release) })
    const changed = { ...release, values: { data: { a: 'two' } } }
    expect(await helm.fingerprint(changed)).not.toBe(first.fingerprint)
    const second = await helm.upgrade(changed)
    expect(second).toMatchObject({ revision: 2, status: 'deployed', fingerprint: await helm.fingerprint(changed) })
    expect((await helm.list('helm-contract')).map((one) => [one.name, one.revision])).toEqual([['demo', 2]])

    expect(await helm.uninstall('demo', 'helm-contract')).toBe(true)
    expect(await helm.find('demo', 'helm-contract')).toBeUndefined()
    expect(await helm.uninstall('demo', 'helm-contract')).toBe(false)
  })

  test('an earlier revision comes back with its fingerprint, and one that never was is unknown', async () => {
    const { helm, chart } = parts()
    const release = { name: 'back', namespace: 'helm-contract', chart, values: { data: { a: 'one' } } }
    const first = await helm.upgrade(release)
    await helm.upgrade({ ...release, values: { data: { a: 'two' } } })
    const back = await helm.rollback('back', 'helm-contract', first.revision)
    expect(back).toMatchObject({ revision: 3, status: 'deployed', fingerprint: first.fingerprint })
    const unknown = expect.objectContaining({ kind: 'not-found', code: 'revision-unknown' })
    await expect(helm.rollback('back', 'helm-contract', 17)).rejects.toEqual(unknown)
    await helm.uninstall('back', 'helm-contract')
    await expect(helm.rollback('back', 'helm-contract', 1)).rejects.toEqual(unknown)
  })

  test('freeing what is not stuck does nothing', async () => {
    const { helm, chart } = parts()
    const release = { name: 'free', namespace: 'helm-contract', chart, values: { data: {} } }
    await helm.unlock('free', 'helm-contract')
    await helm.upgrade(release)
    await helm.unlock('free', 'helm-contract')
    expect((await helm.find('free', 'helm-contract'))?.status).toBe('deployed')
    await helm.uninstall('free', 'helm-contract')
  })
}
