// BullMQ on Valkey: `addBulk`, a hundred jobs at a time, completed ones removed.
import { createRequire } from "node:module";
import { A_DAY_MS, nowMs, run } from "./line.mjs";

const { Queue, Worker } = createRequire(process.env.BENCH_MODULES + "/adapter.js")("bullmq");

const CONCURRENCY = 100;
const NAME = "bench";
const KEPT = { removeOnComplete: true, removeOnFail: true };

const connectionOf = (url) => {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
};

async function opening(url) {
  const queue = new Queue(NAME, { connection: connectionOf(url), defaultJobOptions: KEPT });
  await queue.waitUntilReady();
  const many = (count, opts) =>
    queue.addBulk(Array.from({ length: count }, () => ({ name: "noop", data: {}, opts })));
  return {
    one: (task, given) => queue.add(task, given),
    many: (count) => many(count, {}),
    later: (given, dueMs) => queue.add("probe", given, { delay: Math.max(0, dueMs - nowMs()) }),
    future: (count) => many(count, { delay: A_DAY_MS }),
    close: () => queue.close(),
  };
}

async function working(url, tally) {
  const handle = async (job) => (job.name === "noop" ? tally.noop() : tally.probe(job.data));
  const worker = new Worker(NAME, handle, {
    connection: connectionOf(url),
    concurrency: CONCURRENCY,
  });
  process.on("SIGTERM", async () => {
    await worker.close();
    process.exit(0);
  });
}

await run(opening, working);
