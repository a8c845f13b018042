// BullMQ: `addBulk`, a hundred jobs at a time; on Valkey completed ones are removed, on PostgreSQL kept.
import { createRequire } from "node:module";
import { A_DAY_MS, nowMs, run } from "./line.mjs";

const { Queue, Worker, createPostgresBackend } = createRequire(
  process.env.BENCH_MODULES + "/adapter.js",
)("bullmq");

const CONCURRENCY = 100;
const NAME = "bench";

/** How a queue or worker reaches its store: Valkey by default, PostgreSQL by its own back end. */
const storeOf = (url) => {
  const { hostname, port, protocol } = new URL(url);
  if (protocol !== "redis:") return [{ connection: { connectionString: url, migrate: true } }, createPostgresBackend];
  return [{ connection: { host: hostname, port: Number(port), maxRetriesPerRequest: null } }];
};
const keptOn = (url) => (url.startsWith("redis:") ? { removeOnComplete: true } : {});

async function opening(url) {
  const [store, backend] = storeOf(url);
  const queue = new Queue(NAME, { ...store, defaultJobOptions: keptOn(url) }, backend);
  await queue.waitUntilReady();
  const many = (count, opts) =>
    queue.addBulk(Array.from({ length: count }, () => ({ name: "noop", data: {}, opts })));
  return {
    one: (task, given) => queue.add(task, given),
    many: (count) => many(count, {}),
    later: (given, dueMs) => queue.add("probe", given, { delay: Math.max(0, Math.ceil(dueMs - nowMs())) }),
    future: (count) => many(count, { delay: A_DAY_MS }),
    close: () => queue.close(),
  };
}

async function working(url, tally) {
  const handle = async (job) => (job.name === "noop" ? tally.noop() : tally.probe(job.data));
  const [store, backend] = storeOf(url);
  const worker = new Worker(NAME, handle, { ...store, concurrency: CONCURRENCY }, backend);
  process.on("SIGTERM", async () => {
    await worker.close();
    process.exit(0);
  });
}

await run(opening, working);
