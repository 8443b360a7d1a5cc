import { engineSuite } from '../../test/journeys/engine-suite.ts'
import { openDatabase } from '../db/database.ts'

engineSuite(async () => openDatabase('sqlite::memory:'))
