#include "analyzer/load/v8/texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "analyzer/index/archive.h"

template <>
inline constexpr bool openclaw::kArchivedAsBytes<openclaw::v8::ScriptPlace> = true;

namespace openclaw::v8 {
namespace {

constexpr std::size_t kShownBytes = 60;

// A beginning that fits a line: whole characters, no control characters.
std::string shown(std::string_view text, std::size_t most = kShownBytes) {
  const bool cut = text.size() > most;
  if (cut) {
    std::size_t keep = most;
    while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xc0) == 0x80) --keep;
    text = text.substr(0, keep);
  }
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (cut) line += "…";
  return line;
}

class V8ObjectTexts final : public ObjectTexts {
 public:
  V8ObjectTexts(std::shared_ptr<const Names> names, const SnapshotState& state) : names_(std::move(names)), state_(state) {}

  std::string describe(std::uint32_t object) const override {
    const std::string_view name = nameOf(object);
    switch (kindOf(object)) {
      case NodeKind::kString:
      case NodeKind::kSlicedString: return fmt::format("\"{}\"", shown(name));
      case NodeKind::kConsString: return fmt::format("\"{}\"", shown(consText(object)));
      case NodeKind::kObject: return name == "Object" ? propertiesOf(object) : std::string();
      case NodeKind::kNative: {
        std::string text = shown(name);   // the class name leaves attributes out
        return text.find(' ') == std::string::npos ? std::string() : text;
      }
      case NodeKind::kClosure: return shown(name) + placeOf(object);
      default: return shown(name);
    }
  }
  std::size_t bytes() const override {
    return names_->strings.bytes() + names_->ofNodes.bytes() + names_->places.size() * sizeof(ScriptPlace);
  }
  TextsKind textsKind() const override { return TextsKind::kV8; }
  void save(ArchiveWriter& a) const override { a(*names_); }

 private:
  NodeKind kindOf(std::uint32_t object) const { return names_->kindOfType[state_.edges.types[object]]; }
  std::string_view nameOf(std::uint32_t object) const { return names_->strings[names_->ofNodes[object]]; }

  // visit(label, target) for each reference until it answers false.
  template <class Visit>
  void forEachEdge(std::uint32_t object, Visit visit) const {
    const std::uint64_t first = state_.edges.firstSlot(object);
    for (SlotReader slots = state_.edges.slots(object); slots.next();)
      if (slots.entry() != 0 && !visit(names_->labels.at(first + slots.slot()), slots.entry() - 1)) return;
  }

  // V8 joins strings lazily: a concatenated one has two halves and no characters of its own.
  std::string consText(std::uint32_t object) const {
    std::string text;
    std::vector<std::uint32_t> waiting{object};
    for (unsigned steps = 0; !waiting.empty() && text.size() <= kShownBytes && steps < 1000; ++steps) {
      const std::uint32_t current = waiting.back();
      waiting.pop_back();
      if (kindOf(current) != NodeKind::kConsString) {
        text += nameOf(current).substr(0, kShownBytes + 8);
        continue;
      }
      std::uint32_t first = 0, second = 0;   // index + 1
      forEachEdge(current, [&](const EdgeLabels::Label& label, std::uint32_t target) {
        if (label.kind != EdgeKind::kInternal) return true;
        const std::string_view name = names_->strings[label.nameOrIndex];
        if (name == "first") first = target + 1;
        if (name == "second") second = target + 1;
        return first == 0 || second == 0;
      });
      if (second != 0) waiting.push_back(second - 1);
      if (first != 0) waiting.push_back(first - 1);
    }
    return text.empty() ? std::string(nameOf(object).substr(0, kShownBytes + 8)) : text;
  }

  // " (file.js:12:5)", as stacks have it: counted from 1, without folders. "" if nobody knows.
  std::string placeOf(std::uint32_t function) const {
    const auto place = std::lower_bound(names_->places.begin(), names_->places.end(), function,
                                        [](const ScriptPlace& at, std::uint32_t wanted) { return at.function < wanted; });
    if (place == names_->places.end() || place->function != function) return {};
    const auto targetOf = [&](std::uint32_t object, std::initializer_list<std::string_view> called) {
      std::uint32_t found = 0;
      forEachEdge(object, [&](const EdgeLabels::Label& label, std::uint32_t target) {
        if (label.kind == EdgeKind::kInternal && std::ranges::find(called, names_->strings[label.nameOrIndex]) != called.end())
          found = target + 1;
        return found == 0;
      });
      return found;   // index + 1
    };
    std::uint32_t script = place->script;
    if (script == 0)
      if (const std::uint32_t shared = targetOf(function, {"shared"}); shared != 0)
        script = targetOf(shared - 1, {"script", "script_or_debug_info"});
    if (script == 0) return {};
    std::string_view file = nameOf(script - 1);
    if (file.starts_with("system / ")) file = file.starts_with("system / Script / ") ? file.substr(18) : std::string_view();
    file = file.substr(0, file.find_first_of("?#"));
    if (const std::size_t folder = file.rfind('/'); folder != std::string_view::npos) file = file.substr(folder + 1);
    if (file.empty()) return {};
    return fmt::format(" ({}:{}:{})", shown(file), place->line + std::uint64_t{1}, place->column + std::uint64_t{1});
  }

  // "{name, next, value}": all that a plain object tells of itself.
  std::string propertiesOf(std::uint32_t object) const {
    std::string text = "{";
    forEachEdge(object, [&](const EdgeLabels::Label& label, std::uint32_t) {
      if (label.kind != EdgeKind::kProperty) return true;
      const std::string_view name = names_->strings[label.nameOrIndex];
      if (name == "__proto__") return true;
      if (text.size() > 1) text += ", ";
      if (text.size() > 1 && text.size() + name.size() > kShownBytes) {
        text += "…";
        return false;
      }
      text += shown(name);
      return true;
    });
    return text + "}";
  }

  const std::shared_ptr<const Names> names_;
  const SnapshotState& state_;
};

class V8SlotTexts final : public SlotTexts {
 public:
  V8SlotTexts(std::shared_ptr<const Names> names, const SnapshotState& state) : names_(std::move(names)), state_(state) {}

  std::string label(std::uint32_t source, std::uint32_t slot) const override {
    const EdgeLabels::Label label = names_->labels.at(state_.edges.firstSlot(source) + slot);
    if (label.kind == EdgeKind::kElement) return fmt::format("[{}]", label.nameOrIndex);
    if (label.kind == EdgeKind::kHidden) return fmt::format("(hidden {})", label.nameOrIndex);
    const std::string name = shown(names_->strings[label.nameOrIndex], 100);
    switch (label.kind) {
      case EdgeKind::kContext: return "context var " + name;
      case EdgeKind::kInternal: return "(" + name + ")";
      case EdgeKind::kShortcut: return "shortcut " + name;
      case EdgeKind::kWeak: return "weak " + name;
      default: return name;
    }
  }
  std::size_t bytes() const override { return names_->labels.bytes(); }

 private:
  const std::shared_ptr<const Names> names_;
  const SnapshotState& state_;
};

}  // namespace

void StringTable::add(std::string_view text) {
  char length[4];
  std::size_t lengthBytes = 0;
  for (std::size_t rest = text.size();; rest >>= 7) {
    length[lengthBytes++] = static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  constexpr std::uint64_t kChunk = std::uint64_t{1} << kChunkShift;
  const std::uint64_t bytes = lengthBytes + text.size();
  if (chunks_.empty() || (end_ & (kChunk - 1)) + bytes > kChunk || (end_ >> kChunkShift) == chunks_.size()) {
    end_ = std::uint64_t{chunks_.size()} << kChunkShift;
    chunks_.emplace_back(kChunk);
  }
  if ((low_.size() & ((std::size_t{1} << kPageShift) - 1)) == 0) base_.push_back(end_);
  low_.push(static_cast<std::uint32_t>(end_ - base_.back()));
  char* const at = chunks_.back().data() + (end_ & (kChunk - 1));
  std::memcpy(at, length, lengthBytes);
  if (!text.empty()) std::memcpy(at + lengthBytes, text.data(), text.size());
  end_ += bytes;
}

std::string_view StringTable::operator[](std::uint64_t number) const {
  if (number >= low_.size()) return {};
  const std::uint64_t place = base_[number >> kPageShift] + low_[number];
  const char* at = chunks_[place >> kChunkShift].data() + (place & ((std::uint64_t{1} << kChunkShift) - 1));
  std::size_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    length |= std::size_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return {at, length};
  }
}

std::size_t StringTable::bytes() const {
  return low_.bytes() + base_.size() * sizeof(base_[0]) + static_cast<std::size_t>(end_);
}

void EdgeLabels::finish() { std::sort(side_.begin(), side_.end()); }

EdgeLabels::Label EdgeLabels::at(std::uint64_t edge) const {
  const std::uint32_t value = words_[edge] & kInSide;
  if (value != kInSide) return {kind(edge), value};
  const auto found = std::lower_bound(side_.begin(), side_.end(), std::pair<std::uint64_t, std::uint64_t>(edge, 0));
  return {kind(edge), found != side_.end() && found->first == edge ? found->second : value};
}

void EdgeLabels::insert(std::uint64_t before, std::uint64_t count, EdgeKind kind, std::uint32_t nameOrIndex) {
  Buffer<std::uint32_t> words(words_.size() + count);
  std::copy_n(words_.data(), before, words.data());
  std::fill_n(words.data() + before, count, static_cast<std::uint32_t>(kind) << 29 | nameOrIndex);
  std::copy_n(words_.data() + before, words_.size() - before, words.data() + before + count);
  words_ = std::move(words);
  for (auto& [edge, value] : side_)
    if (edge >= before) edge += count;
}

void restoreTexts(ArchiveReader& archive, SnapshotState& state) {
  const auto names = std::make_shared<Names>();
  archive(*names);
  state.objectTexts = objectTexts(names, state);
  state.slotTexts = slotTexts(names, state);
}

std::unique_ptr<ObjectTexts> objectTexts(std::shared_ptr<const Names> names, const SnapshotState& state) {
  return std::make_unique<V8ObjectTexts>(std::move(names), state);
}
std::unique_ptr<SlotTexts> slotTexts(std::shared_ptr<const Names> names, const SnapshotState& state) {
  return std::make_unique<V8SlotTexts>(std::move(names), state);
}

}  // namespace openclaw::v8
