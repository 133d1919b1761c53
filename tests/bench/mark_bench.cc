// Marking 64 B objects on one core: the collector's marking phase beside three searches over the same graph that do
// nothing else: plain depth first (a side table of mark bytes, no prefetch); the queue that collectors usually have (the
// mark beside the fields, 16 prefetched objects between the stack and the work); and depth first in batches over found bits.
// Interleaved, medians.
//
// Shapes: random (three references anywhere: the goal's), tree (three children each, in the order of allocation), mixed-tree
// (the same, its nodes anywhere), chain (in the order of allocation), jumps (a chain whose every step leads anywhere: one
// miss after the other, which nothing can hide).
//
//   mark_bench [--mib 1024] [--rounds 5] [--seed 1] [--shape random]
#include <numeric>
#include <string_view>

#include "runtime/openclaw.h"
#include "tests/bench/bench_support.h"

namespace {
using namespace openclaw;
using namespace openclaw::bench;

// 64 B with its header: three references and room.
struct Node {
  Member<Node> next[3];
  std::uint64_t padding[4];
  friend struct ::openclaw::TypeAccess;
  using OpenclawSelf = Node;
  static void openclawDescribe(TypeBuilder& builder) {
    builder.field<Member<Node>>("next[0]", 0);
    builder.field<Member<Node>>("next[1]", 8);
    builder.field<Member<Node>>("next[2]", 16);
  }
};
static_assert(sizeof(Node) == 56);

// The limit a simple collector works at: an explicit stack and a side table of mark bytes.
double plainSearch(Node* root, std::vector<std::uint8_t>& marks, std::uintptr_t low, std::vector<Node*>& stack) {
  std::fill(marks.begin(), marks.end(), std::uint8_t{0});
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t found = 0;
  stack.clear();
  stack.push_back(root);
  marks[(reinterpret_cast<std::uintptr_t>(root) - low) >> 4] = 1;
  while (!stack.empty()) {
    Node* node = stack.back();
    stack.pop_back();
    ++found;
    for (const Member<Node>& member : node->next) {
      Node* target = member.get();
      if (target == nullptr) continue;
      std::uint8_t& mark = marks[(reinterpret_cast<std::uintptr_t>(target) - low) >> 4];
      if (mark != 0) continue;
      mark = 1;
      stack.push_back(target);
    }
  }
  return static_cast<double>(found) / secondsSince(start);
}
// The usual queue: one prefetch an edge, which is all an edge and its object need, since the mark is in the same line.
// Bits of the last payload word stand for the mark; a round clears them by looking for the other value.
double queuedSearch(Node* root, std::uint64_t colour, std::vector<Node*>& stack) {
  constexpr std::size_t kQueue = 16;
  Node* queue[kQueue] = {};
  std::size_t at = 0, queued = 0;
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t found = 0;
  stack.clear();
  stack.push_back(root);
  for (;;) {
    Node* incoming = nullptr;
    if (!stack.empty()) {
      incoming = stack.back();
      stack.pop_back();
      __builtin_prefetch(incoming, 1);
      ++queued;
    } else if (queued == 0) {
      break;
    }
    Node* node = std::exchange(queue[at], incoming);
    at = (at + 1) % kQueue;
    if (node == nullptr) continue;
    --queued;
    if (node->padding[0] == colour) continue;
    node->padding[0] = colour;
    ++found;
    for (const Member<Node>& member : node->next)
      if (Node* target = member.get(); target != nullptr) stack.push_back(target);
  }
  return static_cast<double>(found) / secondsSince(start);
}
// Batches: edges popped have their bits asked for, new objects of the batch before their first line, those before that are read.
double batchedSearch(Node* root, std::vector<std::uint64_t>& bits, std::uintptr_t low, std::vector<Node*>& stack) {
  constexpr std::size_t kBatch = 64;
  std::fill(bits.begin(), bits.end(), std::uint64_t{0});
  const auto start = std::chrono::steady_clock::now();
  Node *edges[kBatch], *objects[2 * kBatch];
  Node** const base = stack.data();
  Node** top = base;
  *top++ = root;
  std::size_t edgeCount = 0, waiting = 0;
  std::uint64_t found = 0;
  do {
    std::size_t end = waiting;
    for (std::size_t i = 0; i < edgeCount; ++i) {
      const std::uintptr_t granule = (reinterpret_cast<std::uintptr_t>(edges[i]) - low) >> 4;
      const std::uint64_t bit = std::uint64_t{1} << (granule & 63);
      objects[end] = edges[i];
      end += (bits[granule >> 6] & bit) == 0 ? 1 : 0;
      bits[granule >> 6] |= bit;
    }
    for (std::size_t i = waiting; i < end; ++i) __builtin_prefetch(objects[i], 0, 0);
    edgeCount = std::min(kBatch, static_cast<std::size_t>(top - base));
    for (std::size_t i = 0; i < edgeCount; ++i) {
      edges[i] = *--top;
      __builtin_prefetch(&bits[(reinterpret_cast<std::uintptr_t>(edges[i]) - low) >> 10], 1);
    }
    for (std::size_t i = 0; i < waiting; ++i) {
      for (const Member<Node>& member : objects[i]->next) {
        *top = member.get();
        top += *top != nullptr ? 1 : 0;
      }
    }
    found += waiting;
    std::copy(objects + waiting, objects + end, objects);
    waiting = end - waiting;
  } while (waiting != 0 || edgeCount != 0 || top != base);
  return static_cast<double>(found) / secondsSince(start);
}

// False: no such shape.
bool isShape(std::string_view shape) {
  constexpr std::string_view kShapes[] = {"random", "tree", "mixed-tree", "chain", "jumps"};
  return std::find(std::begin(kShapes), std::end(kShapes), shape) != std::end(kShapes);
}

void connect(Array<Member<Node>>& all, std::uint64_t count, std::string_view shape, std::uint64_t seed) {
  Random random(seed);
  if (shape == "random") {
    // Nearly all are reachable from the first (a random 3-out digraph's giant part is about 94 %).
    for (std::uint64_t i = 0; i < count; ++i)
      for (Member<Node>& member : all[i]->next) member = all[random.below(count)].get();
    return;
  }
  // Which node stands at which place of the tree or chain. The first stays first: the root.
  std::vector<std::uint32_t> place(count);
  std::iota(place.begin(), place.end(), 0u);
  if (shape == "mixed-tree" || shape == "jumps")
    for (std::uint64_t i = count - 1; i > 1; --i) std::swap(place[i], place[1 + random.below(i)]);
  const std::uint64_t children = shape.ends_with("tree") ? 3 : 1;
  for (std::uint64_t i = 0; i < count; ++i)
    for (std::uint64_t c = 0; c < children; ++c)
      if (const std::uint64_t child = i * children + c + 1; child < count) all[place[i]]->next[c] = all[place[child]].get();
}
}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t bytes = numberOption(argc, argv, "mib", 1024) << 20;
  const std::uint64_t rounds = numberOption(argc, argv, "rounds", 5);
  const std::uint64_t seed = numberOption(argc, argv, "seed", 1);
  const std::string shape = textOption(argc, argv, "shape", "random");
  const std::uint64_t count = bytes / 64;
  if (!isShape(shape)) {
    std::fprintf(stderr, "no shape %s: random, tree, mixed-tree, chain, jumps\n", shape.c_str());
    return 2;
  }

  HeapOptions options;
  options.control = false;
  options.settings = {{SettingId::heapLimit, bytes * 2 + (256ull << 20)}, {SettingId::arenaSize, bytes * 2}, {SettingId::gcMinimum, bytes * 4},
                      {SettingId::sampleInterval, 0}};
  auto created = Heap::create(std::move(options));
  if (!created) {
    std::fprintf(stderr, "%s\n", toText(created.error()).c_str());
    return 1;
  }
  Heap& heap = **created;
  std::vector<double> mine, plain, queued, batched, plainRatios, queuedRatios, batchedRatios;
  std::uint64_t marked = 0;
  {
    ThreadScope thread(heap, "mark");
    Root<Array<Member<Node>>> all(heap, Array<Member<Node>>::make(heap, count));
    std::uintptr_t low = ~std::uintptr_t{0}, high = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      Node* node = make<Node>(heap);
      (*all)[i] = node;
      low = std::min(low, reinterpret_cast<std::uintptr_t>(node));
      high = std::max(high, reinterpret_cast<std::uintptr_t>(node));
    }
    connect(*all, count, shape, seed);
    Root<Node> root(heap, (*all)[0].get());
    all.reset();
    heap.collect("bench warm-up");

    std::vector<std::uint8_t> marks((high - low) / 16 + 1);
    std::vector<std::uint64_t> bits((high - low) / 1024 + 1);
    std::vector<Node*> stack, array(count * 3 + 1);   // every edge once
    stack.reserve(count * 3);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const control::PauseRow pause = heap.collect("bench");
      double marking = 0;
      for (const control::Phase& phase : pause.ownedPhases)
        if (phase.name.find("mark") != std::string::npos) marking += static_cast<double>(phase.duration) / 1e9;
      marked = pause.objectsMarked;
      mine.push_back(static_cast<double>(pause.objectsMarked) / marking / 1e6);
      plain.push_back(plainSearch(root.get(), marks, low, stack) / 1e6);
      queued.push_back(queuedSearch(root.get(), round + 1, stack) / 1e6);
      batched.push_back(batchedSearch(root.get(), bits, low, array) / 1e6);
      plainRatios.push_back(mine.back() / plain.back());
      queuedRatios.push_back(mine.back() / queued.back());
      batchedRatios.push_back(mine.back() / batched.back());
    }
  }
  std::printf("marking, shape %s, %llu objects of 64 B marked, one core, %llu rounds, seed %llu\n", shape.c_str(),
              static_cast<unsigned long long>(marked), static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(seed));
  std::printf("  ours           %6.1f M objects/s median (%.1f to %.1f)\n", median(mine), percentile(mine, 0), percentile(mine, 1));
  std::printf("  plain search   %6.1f M objects/s median (%.1f to %.1f), ours %.2f x\n", median(plain), percentile(plain, 0), percentile(plain, 1),
              median(plainRatios));
  std::printf("  queue of 16    %6.1f M objects/s median (%.1f to %.1f), ours %.2f x\n", median(queued), percentile(queued, 0), percentile(queued, 1),
              median(queuedRatios));
  std::printf("  batches        %6.1f M objects/s median (%.1f to %.1f), ours %.2f x\n", median(batched), percentile(batched, 0), percentile(batched, 1),
              median(batchedRatios));
}
