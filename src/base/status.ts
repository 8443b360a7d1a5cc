/** Stored codes of commands and deployments, as the omega-ml client knows them. Stable: they are part of the contract. */
export const Status = { initiated: 0, pending: 1, completed: 5, removed: 8, failed: 9 } as const

export type StatusCode = (typeof Status)[keyof typeof Status]
