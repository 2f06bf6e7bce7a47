import { afterEach, describe, expect, test, vi } from "vitest";
import { readExposition } from "../../../bench/load/server/exposition.js";
import { readGauges } from "../../../bench/load/server/gauges.js";
import { parseProcess, readProcess, usageOf } from "../../../bench/load/server/process-usage.js";
import { ServerSampler } from "../../../bench/load/server/sampler.js";

describe("a server's metrics", () => {
  test("are read by name, summed over their labels; what is no sample is skipped", () => {
    const text = `# HELP queue Requests that wait.
# TYPE queue gauge
queue{model="a b",path="/x{y}"} 2
queue{model="c"} 3 1700000000
plain 1.5e3
seconds_bucket{le="+Inf"} 7
endless +Inf
nothing NaN
not a sample`;
    expect([...readExposition(text)]).toEqual([
      ["queue", 5],
      ["plain", 1500],
      ["seconds_bucket", 7],
      ["endless", Infinity],
    ]);
  });

  const servers: [name: string, text: string, expected: object][] = [
    [
      "Ortler",
      "ortler_queue_length 3\nortler_running_sequences 8\nortler_kv_tokens 50\nortler_kv_tokens_capacity 200\ntgi_queue_size 9",
      { queue: 3, running: 8, batch: undefined, kvShare: 0.25 },
    ],
    ["TGIS", "tgi_queue_size 4\ntgi_batch_current_size 6", { queue: 4, running: 6, batch: 6, kvShare: undefined }],
    [
      "vLLM",
      "vllm:num_requests_waiting 1\nvllm:num_requests_running 2\nvllm:kv_cache_usage_perc 0.5",
      { queue: 1, running: 2, batch: undefined, kvShare: 0.5 },
    ],
    [
      "llama.cpp",
      "llamacpp:requests_deferred 1\nllamacpp:requests_processing 2",
      { queue: 1, running: 2, batch: undefined, kvShare: undefined },
    ],
  ];
  test.each(servers)("of %s tell its queue, its batch and its cache", (_, text, expected) => {
    expect(readGauges(readExposition(text), undefined)).toEqual(expected);
  });

  test("give the mean batch since the sample before, and none when nothing ran", () => {
    const at = (sum: number, count: number) =>
      readExposition(`ortler_decode_batch_size_sum ${sum}\nortler_decode_batch_size_count ${count}`);
    expect(readGauges(at(70, 15), at(10, 5)).batch).toBe(6);
    expect(readGauges(at(70, 15), at(70, 15)).batch).toBeUndefined();
  });
});

describe("a process", () => {
  test("is read as the kernel writes it, also with a name that has brackets and spaces", () => {
    const stat = `7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 11 0 5000 1000 200`;
    expect(parseProcess(stat, "Name:\ta\nVmRSS:\t    2048 kB\nThreads:\t11\n")).toEqual({
      cpuSeconds: 3,
      residentBytes: 2 ** 21,
    });
  });

  test("that is not there has no usage", () => {
    expect(readProcess(2 ** 30)).toBeUndefined();
  });

  test("on another machine is what its metrics say", () => {
    const metrics = readExposition("process_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 1024");
    expect([usageOf(metrics), usageOf(new Map())]).toEqual([{ cpuSeconds: 12.5, residentBytes: 1024 }, undefined]);
  });
});

describe("the sampler", () => {
  afterEach(() => void vi.useRealTimers());

  /** A clock that starts at -300 ms and goes on with the timers. */
  function fakeClock(): () => number {
    vi.useFakeTimers();
    const start = Date.now() + 300;
    return () => Date.now() - start;
  }

  test("takes samples at once and then twice a second, in step with the load's clock", async () => {
    const clock = fakeClock();
    let reads = 0;
    const readMetrics = async () =>
      Promise.resolve(
        `ortler_queue_length ${++reads}\nprocess_cpu_seconds_total ${reads}\nprocess_resident_memory_bytes 9`,
      );
    const sampler = new ServerSampler({ readMetrics, pid: undefined }, clock);
    await vi.advanceTimersByTimeAsync(1000);
    const samples = await sampler.stop();
    // From one sample to the next half a second went by, and a second of CPU time.
    expect(samples.map(({ seconds, queue, cpus }) => [seconds, queue, cpus])).toEqual([
      [-0.3, 1, undefined],
      [0.2, 2, 2],
      [0.7, 3, 2],
    ]);
  });

  test("leaves out what it could not have, and asks a slow server less often", async () => {
    const clock = fakeClock();
    const answers = [Promise.reject(new Error("refused")), Promise.resolve("ortler_queue_length 1")];
    const slow = new Promise<string>((resolve) => setTimeout(resolve, 1300, "ortler_queue_length 2"));
    const asked: number[] = [];
    const readMetrics = async (): Promise<string> => {
      asked.push(clock());
      return answers.shift() ?? slow;
    };
    const sampler = new ServerSampler({ readMetrics, pid: undefined }, clock);
    await vi.advanceTimersByTimeAsync(1900);
    expect((await sampler.stop()).map(({ queue }) => queue)).toEqual([1, 2, 2]);
    expect(asked).toEqual([-300, 200, 700, 1200]);
  });

  test("does nothing where a server cannot be watched", async () => {
    fakeClock();
    const sampler = new ServerSampler({ readMetrics: undefined, pid: undefined }, () => 0);
    expect([vi.getTimerCount(), await sampler.stop()]).toEqual([0, []]);
  });
});
