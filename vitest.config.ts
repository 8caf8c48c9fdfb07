import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Vitest leaves one processor free, which is half of a machine with two.
    maxWorkers: availableParallelism(),
    testTimeout: 60_000,
  },
});
