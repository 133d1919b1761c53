// What a dump costs the program: stops of dumps 1 and 2..N under write load, as the heap records them and as the writers
// feel them; stalls while huge pages are restored; throughput kept; encode rate and bytes an object.
//
//   dump_bench [--mib 1024] [--dumps 20] [--seed 1] [--output heap.bin]
//
// Write load: two threads store pointers into random old objects at full speed, 1 % of operations allocate. Each
// writer reads the clock at every operation; its longest gap that touches the stop is what a mutator felt ("felt").
// A watcher outside the heap, SCHED_FIFO where allowed, measures the machine: a run whose p99.9 passes 2 ms before the
// first dump is void and repeated, at most ten times. The last line is JSON.
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "runtime/openclaw.h"
#include "tests/bench/bench_support.h"

namespace {
using namespace openclaw;
using namespace openclaw::bench;

std::uint64_t now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

// 64 B with its header.
struct Node {
  Member<Node> a, b, c;
  std::uint64_t words[4];
  OPENCLAW_TYPE(Node, a, b, c)
};
static_assert(sizeof(Node) == 56);

constexpr std::size_t kShelf = 1u << 17;   // references a shelf: 1 MiB
using Shelf = Array<Member<Node>>;
using Shelves = Array<Member<Shelf>>;

struct Gap { std::uint64_t begin, end; };

// One writer's longest interruptions. Written by the writer, read after it was joined or through `count`.
struct Gaps {
  static constexpr std::size_t kMost = 1u << 16;
  std::vector<Gap> gaps = std::vector<Gap>(kMost);
  std::atomic<std::size_t> count{0};
  std::atomic<std::uint64_t> operations{0};
  void add(std::uint64_t begin, std::uint64_t end) {
    const std::size_t n = count.load(std::memory_order_relaxed);
    if (n == kMost) return;
    gaps[n] = {begin, end};
    count.store(n + 1, std::memory_order_release);
  }
  // Longest gap that overlaps [begin, end], ns.
  std::uint64_t longestIn(std::uint64_t begin, std::uint64_t end) const {
    std::uint64_t longest = 0;
    const std::size_t n = count.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < n; ++i)
      if (gaps[i].begin <= end && gaps[i].end >= begin) longest = std::max(longest, gaps[i].end - gaps[i].begin);
    return longest;
  }
};

void write(Heap& heap, Shelves* shelves, std::uint64_t seed, std::atomic<bool>& stop, Gaps& gaps) {
  ThreadScope thread(heap, "writer");
  Random random(seed);
  const std::size_t shelfCount = shelves->size();
  std::uint64_t last = now(), operations = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const std::uint64_t r = random.next();
    Shelf* shelf = (*shelves)[(r >> 32) % shelfCount].get();
    Member<Node>& place = (*shelf)[r % kShelf];
    Shelf* otherShelf = (*shelves)[random.below(shelfCount)].get();
    Node* other = (*otherShelf)[random.below(kShelf)].get();
    if (operations % 100 == 99) {
      Node* fresh = make<Node>(heap);
      fresh->a = other;
      place = fresh;
    } else {
      Node* node = place.get();
      (r & 1 ? node->b : node->c) = other;
    }
    ++operations;
    heap.poll();
    const std::uint64_t t = now();
    if (t - last > 100'000) gaps.add(last, t);
    last = t;
    if ((operations & 255) == 0) gaps.operations.store(operations, std::memory_order_relaxed);
  }
}

// Lateness of a 200 µs sleep on a thread outside the heap, ns.
std::vector<double> watchMachine(std::chrono::milliseconds time) {
  std::vector<double> late;
  std::thread watcher([&] {
    sched_param highest{};
    highest.sched_priority = sched_get_priority_max(SCHED_FIFO);
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &highest);
    const std::uint64_t until = now() + static_cast<std::uint64_t>(time.count()) * 1'000'000u;
    for (std::uint64_t t = now(); t < until; t = now()) {
      timespec step{0, 200'000};
      ::nanosleep(&step, nullptr);
      const std::uint64_t woke = now();
      late.push_back(static_cast<double>(woke - t) - 200'000.0);
    }
  });
  watcher.join();
  return late;
}

struct Row {
  double stopMs = 0, feltMs = 0, childFeltMs = 0, collapseFeltMs = 0, totalMs = 0, kept = 0;
  std::string consistency;
};
}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t bytes = numberOption(argc, argv, "mib", 1024) << 20;
  const std::uint64_t dumps = numberOption(argc, argv, "dumps", 20);
  const std::uint64_t seed = numberOption(argc, argv, "seed", 1);
  std::string output = "/tmp/openclaw-dump-bench.bin";
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--output") == 0) output = argv[i + 1];

  HeapOptions options;
  options.control = true;
  options.settings = {{SettingId::heapLimit, bytes * 2 + (1ull << 30)}, {SettingId::arenaSize, bytes * 2}, {SettingId::gcMinimum, bytes}};
  auto created = Heap::create(std::move(options));
  if (!created) {
    std::fprintf(stderr, "%s\n", toText(created.error()).c_str());
    return 1;
  }
  Heap& heap = **created;
  const std::size_t shelfCount = bytes / 64 / kShelf;
  std::vector<Row> rows;
  int voidRuns = 0;
  double machine = 0, before = 0;
  std::vector<double> encode;
  std::uint64_t fileBytes = 0, fileObjects = 0;
  {
    ThreadScope thread(heap, "main");
    Root<Shelves> shelves(heap, Shelves::make(heap, shelfCount));
    Random random(seed);
    for (std::size_t s = 0; s < shelfCount; ++s) {
      (*shelves)[s] = Shelf::make(heap, kShelf);
      for (Member<Node>& place : *(*shelves)[s]) place = make<Node>(heap);
    }
    for (std::size_t s = 0; s < shelfCount; ++s)
      for (Member<Node>& place : *(*shelves)[s]) {
        place->a = (*(*shelves)[random.below(shelfCount)])[random.below(kShelf)].get();
        place->b = (*(*shelves)[s])[random.below(kShelf)].get();
      }
    heap.collect("bench start");
    BlockingScope blocking(heap);

    // A machine that stalls by itself says nothing about us.
    for (;;) {
      machine = percentile(watchMachine(std::chrono::milliseconds(2000)), 0.999) / 1e6;
      if (machine <= 2.0) break;
      if (++voidRuns == 10) {
        std::fprintf(stderr, "void: the machine itself stalls (p99.9 %.1f ms) ten times in a row\n", machine);
        return 1;
      }
    }

    std::atomic<bool> stop{false};
    Gaps gaps[2];
    std::thread writers[2];
    Shelves* raw = shelves.get();
    for (int w = 0; w < 2; ++w)
      writers[w] = std::thread([&, w] { write(heap, raw, seed * 7 + static_cast<std::uint64_t>(w), stop, gaps[w]); });
    const auto operations = [&] { return gaps[0].operations.load() + gaps[1].operations.load(); };
    std::this_thread::sleep_for(std::chrono::seconds(1));
    {
      const std::uint64_t t = now(), n = operations();
      std::this_thread::sleep_for(std::chrono::seconds(2));
      before = static_cast<double>(operations() - n) / (static_cast<double>(now() - t) / 1e9);
    }
    for (std::uint64_t d = 0; d < dumps; ++d) {
      const std::uint64_t t0 = now(), n0 = operations();
      auto reply = heap.dump(output, true);
      const std::uint64_t t1 = now(), n1 = operations();
      if (!reply) {
        std::fprintf(stderr, "dump %llu: %s\n", static_cast<unsigned long long>(d + 1), toText(reply.error()).c_str());
        stop = true;
        for (auto& writer : writers) writer.join();
        return 1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(300));  // huge pages may still be restored
      const std::uint64_t t2 = now();
      Row row;
      row.stopMs = static_cast<double>(reply->stopNanoseconds) / 1e6;
      row.totalMs = static_cast<double>(t1 - t0) / 1e6;
      row.kept = static_cast<double>(n1 - n0) / (static_cast<double>(t1 - t0) / 1e9) / before;
      row.consistency = reply->consistency;
      std::uint64_t stopBegin = 0;
      std::string parts;
      for (const control::PauseRow& pause : heap.pauses(8).rows) {
        if (pause.ownedKind != "dump") continue;
        stopBegin = pause.startMonotonic;
        parts.clear();
        for (const control::Phase& phase : pause.ownedPhases)
          parts += fmt::format("{}{} {:.2f}", parts.empty() ? "" : ", ", phase.name, static_cast<double>(phase.duration) / 1e6);
      }
      const std::uint64_t stopEnd = stopBegin + reply->stopNanoseconds;
      const std::uint64_t childEnd = stopEnd + reply->end.walkNanoseconds;
      for (const Gaps& g : gaps) {
        row.feltMs = std::max(row.feltMs, static_cast<double>(g.longestIn(stopBegin, stopEnd)) / 1e6);
        row.childFeltMs = std::max(row.childFeltMs, static_cast<double>(g.longestIn(stopEnd + 1, std::min(childEnd, t1))) / 1e6);
        row.collapseFeltMs = std::max(row.collapseFeltMs, static_cast<double>(g.longestIn(std::min(childEnd, t1), t2)) / 1e6);
      }
      rows.push_back(row);
      std::printf("dump %2llu  stop %6.2f ms (%s)  felt %6.2f ms  while the child lived %6.2f ms  after it (huge pages) %6.2f ms  total %7.0f ms  throughput kept %4.2f  %s%s%s\n",
                  static_cast<unsigned long long>(d + 1), row.stopMs, parts.c_str(), row.feltMs, row.childFeltMs, row.collapseFeltMs,
                  row.totalMs, row.kept, row.consistency.c_str(), reply->note.empty() ? "" : ": ", reply->note.c_str());
      std::fflush(stdout);
    }
    stop = true;
    for (auto& writer : writers) writer.join();

    for (int i = 0; i < 3; ++i) {
      auto reply = heap.dump(output, true);
      if (!reply) return 1;
      encode.push_back(static_cast<double>(heap.counters().objectBytes) / (1 << 20) / (static_cast<double>(reply->end.walkNanoseconds) / 1e9));
      fileObjects = reply->end.objects;
    }
    struct stat status{};
    ::stat(output.c_str(), &status);
    fileBytes = static_cast<std::uint64_t>(status.st_size);
    ::unlink(output.c_str());
  }
  std::vector<double> stops, felt, collapse, child, kept;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    stops.push_back(rows[i].stopMs);
    felt.push_back(rows[i].feltMs);
    child.push_back(rows[i].childFeltMs);
    collapse.push_back(rows[i].collapseFeltMs);
    kept.push_back(rows[i].kept);
  }
  std::printf("machine without dumps: p99.9 of an outside thread %.2f ms, void runs %d; write load %.1f M operations/s\n", machine, voidRuns, before / 1e6);
  std::printf("dump 1:      stop %.2f ms, felt %.2f ms\n", rows[0].stopMs, rows[0].feltMs);
  std::printf("dumps 2-%zu:  stop p50 %.2f p95 %.2f max %.2f ms; felt p50 %.2f p95 %.2f max %.2f ms\n", rows.size(), percentile(stops, .5),
              percentile(stops, .95), percentile(stops, 1), percentile(felt, .5), percentile(felt, .95), percentile(felt, 1));
  std::printf("longest stall felt: while a child lives p95 %.2f ms, after it (huge pages restored) p95 %.2f ms; throughput kept %.2f\n",
              percentile(child, .95), percentile(collapse, .95), median(kept));
  std::printf("encode rate, no load: %.0f MiB/s of heap; file %.2f B an object (%llu objects)\n", median(encode),
              static_cast<double>(fileBytes) / static_cast<double>(fileObjects), static_cast<unsigned long long>(fileObjects));
  std::printf("{\"mib\":%llu,\"dumps\":%zu,\"stop1_ms\":%.3f,\"stop_p50_ms\":%.3f,\"stop_p95_ms\":%.3f,\"felt_p95_ms\":%.3f,\"collapse_felt_p95_ms\":%.3f,"
              "\"kept\":%.3f,\"encode_mib_s\":%.1f,\"bytes_per_object\":%.2f,\"machine_p999_ms\":%.3f,\"void\":%d}\n",
              static_cast<unsigned long long>(bytes >> 20), rows.size(), rows[0].stopMs, percentile(stops, .5), percentile(stops, .95),
              percentile(felt, .95), percentile(collapse, .95), median(kept), median(encode),
              static_cast<double>(fileBytes) / static_cast<double>(fileObjects), machine, voidRuns);
}
