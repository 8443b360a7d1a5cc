import { defineConfig } from 'vitest/config'

/** Three tiers, told apart by file name: `x.test.ts`, `x.integration.test.ts` (real parts), `test/e2e` (real machines). */
export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'web/src/**/*.test.ts', 'test/unit/**/*.test.ts', 'test/journeys/**/*.test.ts'],
          exclude: ['**/*.integration.test.ts'],
          testTimeout: 30_000,
          // Half of the processor's time was loading the same modules for each file; no test changes what others share.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['src/**/*.integration.test.ts', 'test/integration/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 600_000,
          // They wait for each other's outages and kills, not for the processor.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 3_600_000,
          // Two sites beside each other, as when somebody's own runs on the machine.
          maxWorkers: 2,
        },
      },
      {
        // Seven machines, half an hour, and a site in somebody's cluster: by hand, `./cloudmgr dev test production`.
        test: {
          name: 'production',
          include: ['test/production/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 3_600_000,
          maxWorkers: 1,
        },
      },
    ],
  },
})
