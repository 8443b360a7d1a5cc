import { AppError } from '../../base/errors.ts'
import type { CloudDisks } from './port.ts'

export interface FakeCloudDisks extends CloudDisks {
  /** `cloud token handle` of what was deleted. */
  readonly deleted: string[]
  /** Why it deletes nothing. */
  refusal: AppError | undefined
}

export function createFakeCloudDisks(): FakeCloudDisks {
  const fake: FakeCloudDisks = {
    deleted: [],
    refusal: undefined,
    delete: async (cloud, token, handle) => {
      if (fake.refusal !== undefined) throw fake.refusal
      fake.deleted.push(`${cloud} ${token} ${handle}`)
    },
  }
  return fake
}
