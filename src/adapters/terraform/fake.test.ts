import { terraformContract } from './contract-suite.ts'
import { createFakeTerraform } from './fake.ts'

terraformContract(createFakeTerraform())
