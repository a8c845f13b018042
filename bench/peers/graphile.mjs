// Graphile Worker: `addJobs`, and the batches that its guide on performance names.
import { createRequire } from "node:module";
import { A_DAY_MS, nowMs, run } from "./line.mjs";

const { Logger, makeWorkerUtils, run: runWorker } = createRequire(
  process.env.BENCH_MODULES + "/adapter.js",
)("graphile-worker");

const CONCURRENCY = 24;
const LOCAL_QUEUE = 500;
const logger = new Logger(() => (level, message) => {
  if (level === "error") process.stderr.write(message + "\n");
});

async function opening(connectionString) {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  const many = (count, spec) =>
    utils.addJobs(Array.from({ length: count }, () => ({ identifier: "noop", payload: {}, ...spec })));
  return {
    one: (task, given) => utils.addJob(task, given),
    many: (count) => many(count, {}),
    later: (given, dueMs) => utils.addJob("probe", given, { runAt: new Date(dueMs) }),
    future: (count) => many(count, { runAt: new Date(nowMs() + A_DAY_MS) }),
    close: () => utils.release(),
  };
}

async function working(connectionString, tally) {
  const runner = await runWorker({
    logger,
    taskList: {
      noop: () => tally.noop(),
      probe: (given) => tally.probe(given),
    },
    preset: {
      worker: {
        connectionString,
        concurrentJobs: CONCURRENCY,
        maxPoolSize: CONCURRENCY + 2,
        localQueue: { size: LOCAL_QUEUE },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  await runner.promise;
  process.exit(0);
}

await run(opening, working);
