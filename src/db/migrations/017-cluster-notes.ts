import type { Kysely } from 'kysely'
import { capabilities } from '../dialect.ts'
import { addColumn, type Schema } from '../schema.ts'

/** Clusters of other clouds: ports that lead to the site's services, and what was made for a cluster before it is there. */
export async function up(db: Kysely<Schema>): Promise<void> {
  const { longText } = capabilities(db)
  await addColumn(db, 'clusters', 'links', longText)
  await addColumn(db, 'clusters', 'notes', longText)
}
