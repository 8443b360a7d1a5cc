import { completionSuite } from './completion-suite.ts'

completionSuite('zsh')
