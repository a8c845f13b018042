// How a Node adapter and the driver speak: `line.py` says what, this says it in JavaScript.
import { createInterface } from "node:readline";

const TELL_EVERY_MS = 20;
export const A_CALL = 1000;
export const A_DAY_MS = 86_400_000;

export const monotonicNs = () => Number(process.hrtime.bigint());
export const nowMs = () => performance.timeOrigin + performance.now();
const say = (told) => process.stdout.write(JSON.stringify(told) + "\n");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** What the handlers of one worker process did; the first no-ops wait at a gate. */
export class Tally {
  #handled = 0;
  #waiting = 0;
  #held = 0;
  #lastNs = 0;
  #picked = [];
  #late = [];
  #isOpen = false;
  #opened;
  #gate = new Promise((open) => (this.#opened = open));

  constructor() {
    createInterface({ input: process.stdin }).on("line", (line) => {
      if (JSON.parse(line).do === "go") {
        this.#held = this.#waiting;
        this.#isOpen = true;
        this.#opened();
      }
    });
    let told = "";
    setInterval(() => {
      const seen = {
        waiting: this.#waiting,
        held: this.#held,
        handled: this.#handled,
        last_ns: this.#lastNs,
        picked: this.#picked.length,
        late: this.#late.length,
      };
      if (JSON.stringify(seen) !== told) {
        told = JSON.stringify(seen);
        say({ ...seen, picked_ms: this.#picked, late_ms: this.#late });
      }
    }, TELL_EVERY_MS);
  }

  async noop() {
    if (!this.#isOpen) {
      this.#waiting += 1;
      await this.#gate;
    }
    this.#handled += 1;
    this.#lastNs = monotonicNs();
  }

  probe(given) {
    if ("due_s" in given) this.#late.push(nowMs() - given.due_s * 1000);
    else this.#picked.push((monotonicNs() - given.sent_ns) / 1e6);
  }
}

const COMMANDS = {
  async single(client, { count }) {
    for (let at = 0; at < count; at++) await client.one("noop", {});
  },
  async concurrent(client, { callers, each }) {
    const caller = async () => {
      for (let at = 0; at < each; at++) await client.one("noop", {});
    };
    await Promise.all(Array.from({ length: callers }, caller));
  },
  async bulk(client, { count }) {
    for (let at = 0; at < count; at += A_CALL) await client.many(Math.min(A_CALL, count - at));
  },
  async future(client, { count }) {
    for (let at = 0; at < count; at += A_CALL) await client.future(Math.min(A_CALL, count - at));
  },
  async paced(client, { count, pause_ms }) {
    for (let at = 0; at < count; at++) {
      await pause(pause_ms);
      await client.one("probe", { sent_ns: monotonicNs() });
    }
  },
  async later(client, { count, lead_ms, apart_ms }) {
    const firstMs = Math.round(nowMs()) + lead_ms;
    for (let at = 0; at < count; at++) {
      const dueMs = firstMs + at * apart_ms;
      await client.later({ due_s: dueMs / 1000 }, dueMs);
    }
  },
};

async function serve(opening) {
  let client = null;
  say({ is: "ready" });
  for await (const line of createInterface({ input: process.stdin })) {
    const told = JSON.parse(line);
    const start = performance.now();
    if (told.do === "open") client = await opening(told.url);
    else if (told.do === "close") {
      await client?.close();
      client = null;
    } else await COMMANDS[told.do](client, told);
    say({ is: "done", s: (performance.now() - start) / 1000 });
  }
}

/** Be what the command line says: `client`, or `worker` on the store of `BENCH_URL`. */
export async function run(opening, working) {
  if (process.argv[2] === "client") await serve(opening);
  else await working(process.env.BENCH_URL, new Tally());
}
