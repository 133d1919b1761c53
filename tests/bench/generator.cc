#include "tests/bench/generator.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "format/dump_writer.h"

namespace openclaw::bench {
namespace {

// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // At least 1; P(x > v) = v^-alpha.
  double pareto(double alpha) { return std::pow(1 - unit(), -1 / alpha); }

 private:
  std::uint64_t state_;
};

constexpr std::uint32_t kTypes = 200, kSites = 500;
constexpr std::uint64_t kRoots = 2000;
constexpr double kUnowned =
    0.03;  // objects that nobody's tree holds: roots, garbage, or held by a cross reference
constexpr double kSameParent = 0.6;  // a child joins its neighbour's parent: containers of power-law sizes
constexpr double kToPopular = 0.1;   // of the cross references

std::uint32_t skewed(Random& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(std::min<double>(random.pareto(0.8) - 1, bound - 1.0));
}

// Who holds each object in the tree of owners; its own index = nobody.
std::vector<std::uint32_t> parents(const GeneratorOptions& options, Random& random) {
  const auto n = static_cast<std::uint32_t>(options.objects);
  std::vector<std::uint32_t> parent(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i == 0 || random.unit() < kUnowned) {
      parent[i] = i;
    } else if (options.random) {
      parent[i] = static_cast<std::uint32_t>(random.below(i));
    } else if (random.unit() < kSameParent && parent[i - 1] != i - 1) {
      parent[i] = parent[i - 1];
    } else {
      const double back = random.pareto(0.9);
      parent[i] =
          back > i ? static_cast<std::uint32_t>(random.below(i)) : i - static_cast<std::uint32_t>(back);
    }
  }
  return parent;
}

struct Tables {
  std::vector<std::string> typeNames, files, functions;
  std::vector<FieldRecord> fields{{"left_", 8, Strength::kStrong, ""}, {"right_", 16, Strength::kStrong, ""}};
  std::vector<FieldRecord> weakFields{{"owner_", 8, Strength::kWeak, ""},
                                      {"next_", 16, Strength::kStrong, ""}};
  std::vector<FieldRecord> elements{{"", 0, Strength::kStrong, ""}};
  std::vector<TypeRecord> types;
  std::vector<SiteRecord> sites;
};

Tables tables() {
  Tables t;
  for (std::uint32_t i = 0; i < kTypes; ++i) t.typeNames.push_back("bench::Type" + std::to_string(i));
  for (std::uint32_t i = 0; i < kSites; ++i) {
    t.files.push_back("src/part" + std::to_string(i % 40) + ".cc");
    t.functions.push_back("make" + std::to_string(i));
  }
  for (std::uint32_t i = 0; i < kTypes; ++i) {
    TypeRecord type;
    type.name = t.typeNames[i];
    type.size = 24;
    type.fields = i % 50 == 7 ? t.weakFields : t.fields;  // every fiftieth type has a weak field
    type.elementSize = 8;
    type.elementOffset = 24;
    type.elementFields = t.elements;
    t.types.push_back(type);
  }
  for (std::uint32_t i = 0; i < kSites; ++i) {
    SiteRecord site;
    site.file = t.files[i];
    site.function = t.functions[i];
    site.line = i + 1;
    t.sites.push_back(site);
  }
  return t;
}

}  // namespace

Result<void> generateDump(const std::string& path, const GeneratorOptions& options) {
  const std::uint64_t n = options.objects;
  if (n == 0 || n >= 0x7fff'ffff) return fail(ErrorCode::kInvalidArgument, "1 to 2^31 - 2 objects");
  Random random(options.seed);
  const std::vector<std::uint32_t> parent = parents(options, random);
  // Children by parent: a counting sort.
  std::vector<std::uint32_t> firstChild(n + 1), children(n);
  std::uint64_t owned = 0;
  for (std::uint32_t i = 0; i < n; ++i)
    if (parent[i] != i) ++firstChild[parent[i] + 1], ++owned;
  for (std::size_t i = 1; i <= n; ++i) firstChild[i] += firstChild[i - 1];
  {
    std::vector<std::uint32_t> next(firstChild.begin(), firstChild.end() - 1);
    for (std::uint32_t i = 0; i < n; ++i)
      if (parent[i] != i) children[next[parent[i]]++] = i;
  }
  const double crossReferences = options.references - static_cast<double>(owned) / static_cast<double>(n);

  OPENCLAW_TRY(DumpWriter writer, DumpWriter::create(path, {.overwrite = true}));
  FrameEncoder& encoder = writer.encoder();
  encoder.begin(FileHeader{});
  encoder.expectObjects(n);
  ProcessRecord process;
  process.executable = "/usr/bin/generated";
  process.source = "generator";
  process.generator = "tests/bench/generator";
  encoder.process(process);
  const Tables t = tables();
  encoder.types(t.types);
  encoder.sites(t.sites);

  std::uint64_t address = 0x7f00'0000'0000;
  std::vector<std::uint64_t> slots;
  const auto popular = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, n / 100));
  for (std::uint32_t i = 0; i < n; ++i) {
    slots.assign(children.begin() + firstChild[i], children.begin() + firstChild[i + 1]);
    // As many cross references as wanted on average, most objects few and some many.
    double wanted = crossReferences;
    if (random.unit() < 0.02)
      wanted *= 10;
    else
      wanted *= 0.8163;  // 0.02 * 10 + 0.98 * 0.8163 = 1
    auto count = static_cast<unsigned>(wanted);
    if (random.unit() < wanted - count) ++count;
    for (unsigned k = 0; k < count; ++k) {
      std::uint64_t target;
      if (options.random) {
        target = random.below(n);
      } else if (random.unit() < kToPopular) {
        // Popular objects lie spread over the heap.
        target = std::uint64_t{skewed(random, popular)} * 0x9e3779b1u % n;
      } else {
        const double distance = random.pareto(0.8);
        const double at = random.below(2) == 0 ? i + distance : i - distance;
        target = at < 0 || at >= static_cast<double>(n) ? random.below(n) : static_cast<std::uint64_t>(at);
      }
      slots.push_back(target);
    }
    if (random.unit() < options.nulls)
      slots.insert(slots.begin() + static_cast<std::ptrdiff_t>(random.below(slots.size() + 1)),
                   kNullReference);
    ObjectRecord object;
    object.address = address;
    object.size = std::max<std::uint64_t>(32, (24 + 8 * slots.size() + 15) / 16 * 16) +
                  16 * (random.below(4) == 0 ? random.below(8) : 0);
    object.type = skewed(random, kTypes);
    object.site = 1 + skewed(random, kSites - 1);
    object.referenceCount = static_cast<std::uint32_t>(slots.size());
    object.age = static_cast<std::uint8_t>(random.below(8));
    encoder.object(object);
    for (const std::uint64_t slot : slots) encoder.reference(slot);
    address += object.size;
    if (random.below(16) == 0) address += 16 * random.below(64);
  }
  std::vector<RootRecord> roots;
  for (std::uint64_t i = 0; i < std::min(kRoots, n); ++i) {
    RootRecord root;
    root.object = i == 0 ? 0 : random.below(n);
    root.kind = RootKind::kHandle;
    roots.push_back(root);
  }
  encoder.roots(roots);
  EndRecord end;
  end.roots = roots.size();
  encoder.end(end);
  return writer.commit();
}

}  // namespace openclaw::bench
