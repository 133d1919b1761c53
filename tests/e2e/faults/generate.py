#!/usr/bin/env python3
"""Writes a complete C++ program for a seed: bounded parts under load, and one planted fault or none.

    generate.py --seed 7 --output program_7.cc [--fault listeners --share 20]

The program uses only the installed package. `program_7 DUMP` runs a few seconds, dumps itself to DUMP and prints one line
of JSON with the truth: {"fault", "type", "line", "owners", "share", ...}. The same seed gives the same program.

Seeds pick everything: names, types, shapes, which parts there are and how large, threads, how the load varies, settings,
the kind of fault and its share. Seeds from 1000 on also pick shapes (`HARD`) that smaller seeds never do.
"""

import argparse
import random
import sys

import parts
import planted
from names import Names
from parts import Draft, Part, fill

MIB = 1 << 20
ALL_KINDS = [*planted.KINDS, "none"]

PRELUDE = """// Written by tests/e2e/faults/generate.py for seed $seed.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/lock.h"
#include "runtime/openclaw.h"

namespace $space {
using openclaw::Array, openclaw::HashMap, openclaw::Heap, openclaw::make, openclaw::Member, openclaw::MutexGuard, openclaw::Root,
    openclaw::String, openclaw::Vector, openclaw::WeakMember;

struct Random {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool chance(double p) { return static_cast<double>(next() >> 11) < p * 9007199254740992.0; }
};

std::string words(Random& random, std::uint64_t low, std::uint64_t high) {
  std::string text;
  for (std::uint64_t size = random.between(low, high); text.size() < size;) {
    std::uint64_t bits = random.next();
    for (int i = 0; i < 8 && text.size() < size; ++i, bits >>= 8) text += "etaoin shrdlu cmfwyp"[bits % 20];
  }
  return text;
}

// Bytes of the cell of an object with so many bytes.
constexpr std::uint64_t cell(std::uint64_t payload) { return (payload + (payload > 8184 ? 39 : 23)) / 16 * 16; }
template <class T>
void sink(const T& value) { asm volatile("" : : "g"(value) : "memory"); }
"""

PART = """
class $name {
 public:
  explicit $name([[maybe_unused]] Heap& heap, std::uint64_t budget) : budget_(budget) {}
  std::uint64_t bytes() const { return counted_.load(std::memory_order_relaxed); }
  void load(Heap& heap, [[maybe_unused]] Random& random) {
    MutexGuard guard(heap, mutex_);
    [[maybe_unused]] $owner& owner = $access;
$load
$warm    counted_.store(bytes_, std::memory_order_relaxed);
  }
  void step(Heap& heap, Random& random) {
    MutexGuard guard(heap, mutex_);
    work(heap, random);
    counted_.store(bytes_, std::memory_order_relaxed);
  }

 private:
  void work([[maybe_unused]] Heap& heap, [[maybe_unused]] Random& random) {
    [[maybe_unused]] $owner& owner = $access;
$step
  }
  std::mutex mutex_;
  [[maybe_unused]] std::uint64_t budget_;
  std::uint64_t bytes_ = 0, count_ = 0;
  std::atomic<std::uint64_t> counted_{0};
  $state
};
"""

# Bounded parts begin full: from the first request on they evict as much as they take in. A cache that is still filling
# at the dump cannot be told from one without a bound.
WARM = """    for (int i = 0; i < 1500000 && bytes_ < budget_ - budget_ / 25; ++i) work(heap, random);
"""

MAIN = """
// Long enough for a dozen collections; how long that is shows when the first operations are done.
std::atomic<std::uint64_t> done{0}, operations{$operations};
std::atomic<std::uint64_t> base{1};   // live bytes per million of what the parts count, as the last collection found

struct Load {
  Heap& heap;
$members
};

std::uint64_t counted(Load& load) { return 1$sum; }

void work(Load& load, unsigned number) {
  openclaw::ThreadScope thread(load.heap, "$thread-" + std::to_string(number));
  Random random{$seed * 977u + number};
  static const double weights[$phases][$kinds] = {$weights};
  static const unsigned rest[$phases] = {$rests};
  for (std::uint64_t at; (at = done.fetch_add(1, std::memory_order_relaxed)) < operations.load(std::memory_order_relaxed);) {
    if (at == 50000) {
      const std::uint64_t each = load.heap.counters().allocatedBytes / 50000 + 1;
      operations.store(std::clamp<std::uint64_t>($allocate / each, $operations, 2500000), std::memory_order_relaxed);
    }
    const std::uint64_t all = std::max(operations.load(std::memory_order_relaxed), at + 1);
    const std::size_t phase = static_cast<std::size_t>(at * $phases / all);
    if (rest[phase] != 0 && at % rest[phase] == 0) {
      openclaw::BlockingScope blocked(load.heap);
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    openclaw::RequestScope request(load.heap, at + 1);
    double x = static_cast<double>(random.below(1000000)) / 1e6;
    std::size_t kind = 0;
    while (kind + 1 < $kinds && x >= weights[phase][kind]) ++kind;
    switch (kind) {
$cases
    }
$grow
  }
}

}  // namespace $space

int main(int argc, char** argv) {
  using namespace $space;
  openclaw::HeapOptions options;
  options.control = false;
$settings
  auto created = Heap::create(options);
  if (!created || argc < 2) return std::puts(created ? "usage: program DUMP" : created.error().what.c_str()), 2;
  Heap& heap = **created;
  openclaw::ThreadScope thread(heap, "main");
$roots
  Load load{heap$constructed};
  Random random{$seed};
$loads
  {
    std::vector<std::thread> threads;
    for (unsigned number = 0; number < $threads; ++number) threads.emplace_back(work, std::ref(load), number);
    openclaw::BlockingScope blocked(heap);
    for (std::thread& each : threads) each.join();
  }
$last
  auto dump = heap.dump(argv[1], true);
  if (!dump) return std::puts(dump.error().what.c_str()), 1;
  // What lives is asked after the dump: this collection leaves no trace in it.
  const auto pause = heap.collect("truth");
  $truth
$resets
  return 0;
}
"""


class Program:
    def __init__(self, seed: int, kind: str | None = None, share: int | None = None):
        self.rng = rng = random.Random(seed * 7919 + 13)
        self.seed, self.names = seed, Names(rng)
        draft = Draft(self.names, rng, hard=seed >= 1000)
        # Drawn even when given, so that the rest of the program does not depend on it.
        drawn, drawn_share = ALL_KINDS[(seed * 3 + seed // 5) % 5], rng.randint(5, 40)
        self.kind, self.share = kind or drawn, share or drawn_share
        if self.kind == "none":
            self.share = 0
        self.base = rng.choice([12, 20, 32, 48]) * MIB
        self.space = self.names.namespace()
        self.parts: list[Part] = [rng.choice(parts.CACHES)(draft)]
        self.parts += [make(draft) for make in rng.sample(parts.OTHERS, rng.randint(2, 5))]
        self.parts += [parts.churn(draft) for _ in range(rng.randint(1, 2))]
        self.fault = None if self.kind == "none" else planted.KINDS[self.kind](draft)
        self.budgets = self._budgets()
        self.order = [*self.parts] + ([self.fault] if self.fault else [])
        rng.shuffle(self.order)
        self.roots = rng.choice(["separate", "one", "modules"])
        self.threads = rng.choice([1, 1, 2, 3, 4])
        self.file = f"program_{seed}.cc"

    def _budgets(self) -> dict[str, int]:
        """The first cache is larger than what the fault will hold; the others divide what is left."""
        culprit = self.share / (100 - self.share) if self.share else 0.2
        cache = max(min(culprit * self.rng.uniform(1.1, 1.3), 0.92), self.rng.uniform(0.2, 0.5))
        others = {p.name: p.budget_share * self.rng.uniform(0.3, 1.0) for p in self.parts[1:]}
        whole = sum(others.values()) or 1
        return {self.parts[0].name: int(cache * self.base),
                **{name: int((1 - cache) * self.base * part / whole) for name, part in others.items()}}

    def _access(self) -> dict[str, str]:
        """How C++ reaches each part's owner object, and the heap types in between."""
        rng, n = self.rng, self.names
        if self.roots == "separate":
            self.between, self.globals = "", [(p.owner, f"root{i}") for i, p in enumerate(self.order)]
            self.setup = [f"  {name} = Root<{owner}>(heap, make<{owner}>(heap));" for owner, name in self.globals]
            return {p.name: f"*root{i}" for i, p in enumerate(self.order)}
        app, access = n.owner(), {}
        fields = [(p, n.field()) for p in self.order]
        if self.roots == "one":
            self.between = self._struct(app, [(p.owner, f) for p, f in fields])
            access = {p.name: f"*root0->{f}" for p, f in fields}
            self.setup = [f"  root0->{f} = make<{p.owner}>(heap);" for p, f in fields]
        else:
            groups = [fields[i::3] for i in range(3) if fields[i::3]]
            modules = [(n.owner(), n.field(), group) for group in groups]
            self.between = "".join(self._struct(m, [(p.owner, f) for p, f in group]) for m, _, group in modules)
            self.between += self._struct(app, [(m, f) for m, f, _ in modules])
            access = {p.name: f"*root0->{mf}->{f}" for _, mf, group in modules for p, f in group}
            self.setup = [f"  root0->{f} = make<{m}>(heap);" for m, f, _ in modules]
            self.setup += [f"  root0->{mf}->{f} = make<{p.owner}>(heap);" for _, mf, group in modules for p, f in group]
        self.globals = [(app, "root0")]
        self.setup.insert(0, f"  root0 = Root<{app}>(heap, make<{app}>(heap));")
        rng.random()
        return access

    @staticmethod
    def _struct(name: str, members: list) -> str:
        lines = "".join(f"  Member<{type_}> {field};\n" for type_, field in members)
        return f"\nstruct {name} {{\n{lines}  OPENCLAW_TYPE({name}, {', '.join(f for _, f in members)})\n}};\n"

    def _phases(self):
        """How the load changes over time: a few stretches with their own mix and their own pace."""
        phases = self.rng.randint(2, 6)
        weights, rests = [], []
        for phase in range(phases):
            row = [p.weight * (self.rng.uniform(0.3, 2.0) if phase + 1 < phases else 1.0) for p in self.parts]
            total, sums = sum(row), 0.0
            line = []
            for w in row:
                sums += w / total
                line.append(f"{sums:.6f}")
            weights.append("{" + ", ".join(line) + "}")
            rests.append(self.rng.choice([0, 0, 400, 100]))
        return phases, ", ".join(weights), ", ".join(map(str, rests))

    def _settings(self) -> str:
        rng = self.rng
        choices = []
        if rng.random() < 0.3:
            choices.append(f"{{openclaw::SettingId::gcMinimum, {rng.choice([4, 8, 16])}ull << 20}}")
        if rng.random() < 0.3:
            choices.append(f"{{openclaw::SettingId::gcGrowth, {rng.choice([300000, 500000, 1500000])}}}")
        if rng.random() < 0.2:
            choices.append("{openclaw::SettingId::arenaSize, 256ull << 20}")
        return f"  options.settings = {{{', '.join(choices)}}};" if choices else ""

    def text(self) -> str:
        access = self._access()
        out = fill(PRELUDE, seed=self.seed, space=self.space)
        for p in self.order:
            out += p.types + f"\nstruct {p.owner} {{" + p.owner_body + "};\n"
        out += self.between + "\n"
        out += "".join(f"Root<{owner}> {name};\n" for owner, name in self.globals)
        for p in self.order:
            # A fault's state is its free functions.
            functions, state = (p.state, "") if p is self.fault else ("", p.state)
            if functions:
                out += "\n" + functions
            out += fill(PART, name=p.name, owner=p.owner, access=access[p.name], load=p.load.strip("\n"), warm=WARM if p.weight and not p.load and p is not self.fault and p.budget_share else "",
                        step=p.step.strip("\n"), state=state)
        phases, weights, rests = self._phases()
        member = {p.name: f"part{i}" for i, p in enumerate(self.order)}
        operations = self.rng.randint(250, 400) * 1000
        grow = ""
        if self.fault:
            leak = member[self.fault.name]
            # `base` corrects what the parts do not count: tables of maps, capacity of vectors.
            rate = f"{self.share}.0 / 100" if self.fault.wasted else f"{self.share}.0 / {100 - self.share}"
            own = "0" if self.fault.wasted else f"load.{leak}.bytes()"
            grow = fill("""
    if (at % 4096 == 4095) {
      auto last = markedBytes(load.heap);
      if (last > $own) base.store((last - $own) * 1000000 / counted(load) + 1, std::memory_order_relaxed);
    }
    double known = base.load(std::memory_order_relaxed) > 1 ? static_cast<double>(base.load(std::memory_order_relaxed)) / 1e6 : 1.1;
    double wanted = static_cast<double>(counted(load)) * std::clamp(known, 0.8, 1.8) * ($rate) * static_cast<double>(at) / static_cast<double>(all);
    for (int i = 0; i < 40 && static_cast<double>(load.$leak.bytes()) < wanted; ++i) load.$leak.step(load.heap, random);""",
                        leak=leak, rate=rate, own=own)
            out += """
std::uint64_t markedBytes(Heap& heap) {
  std::uint64_t newest = 0, bytes = 0;
  for (const auto& row : heap.pauses(8).rows)
    if (row.bytesMarked != 0 && row.number >= newest) newest = row.number, bytes = row.bytesMarked;
  return bytes;
}
"""
        truth = self._truth(out, member)
        out += fill(MAIN, seed=self.seed, space=self.space, phases=phases, operations=operations,
                    allocate=f"{14 * max(32 * MIB, int(self.base * 1.6))}ull", kinds=len(self.parts), weights=weights, rests=rests,
                    threads=self.threads, thread=self.names.function(), settings=self._settings(), grow=grow, truth=truth,
                    members="\n".join(f"  {p.name} {member[p.name]};" for p in self.order),
                    sum="".join(f" + load.{member[p.name]}.bytes()" for p in self.parts),
                    cases="\n".join(f"      {'default' if i + 1 == len(self.parts) else f'case {i}'}: load.{member[p.name]}.step(load.heap, random); break;"
                                    for i, p in enumerate(self.parts)),
                    roots="\n".join(self.setup),
                    constructed="".join(f", {p.name}(heap, {self.budgets.get(p.name, 0)})" for p in self.order),
                    loads="\n".join(f"  load.{member[p.name]}.load(heap, random);" for p in self.order),
                    last='  heap.collect("before the dump");' if self.rng.random() < 0.8 or self.kind == "large-between-small" else "",
                    resets="\n".join(f"  {name} = Root<{owner}>();" for owner, name in self.globals))
        return out

    def _truth(self, before: str, member: dict[str, str]) -> str:
        f = self.fault
        fields = [("seed", self.seed), ("fault", self.kind), ("wantedShare", self.share)]
        if f:
            qualify = lambda name: name if "::" in name else f"{self.space}::{name}"
            line = next(i for i, text in enumerate(before.split("\n"), 1) if text.endswith("// UNIT"))
            fields += [("type", qualify(f.unit)), ("file", self.file), ("line", line), ("owners", [qualify(o) for o in f.owners]),
                       ("unitTypes", [qualify(u) for u in f.units]), ("shape", f.shape)]
        fields += [("roots", self.roots), ("threads", self.threads)]
        quoted = lambda x: f'"{x}"' if isinstance(x, str) else "[" + ", ".join(map(quoted, x)) + "]" if isinstance(x, list) else str(x)
        text = ", ".join(f'"{k}": {quoted(v)}' for k, v in fields).replace('"', '\\"')
        own = f"load.{member[f.name]}.bytes()" if f else "std::uint64_t{0}"
        return (f'const double planted = static_cast<double>({own});\n'
                f'  std::printf("{{{text}, \\"plantedBytes\\": %.0f, \\"liveBytes\\": %llu, \\"share\\": %.2f, \\"collections\\": %llu}}\\n", planted,\n'
                '              static_cast<unsigned long long>(pause.bytesMarked), 100 * planted / static_cast<double>(pause.bytesMarked),\n'
                '              static_cast<unsigned long long>(heap.counters().collections));')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--fault", choices=ALL_KINDS)
    parser.add_argument("--share", type=int, choices=range(5, 41), metavar="5..40")
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    with open(args.output, "w", encoding="utf-8") as file:
        file.write(Program(args.seed, args.fault, args.share).text().replace("  // UNIT", ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
