#include "analyzer/load/foreign_names.h"

#include <algorithm>

#include "analyzer/index/archive.h"

namespace openclaw {

void StoredTexts::add(std::uint32_t object, std::string_view text) {
  objects_.push_back(object);
  text_ += text;
  ends_.push_back(text_.size());
}

std::string StoredTexts::describe(std::uint32_t object) const {
  const auto at = std::lower_bound(objects_.begin(), objects_.end(), object);
  if (at == objects_.end() || *at != object) return {};
  const auto row = static_cast<std::size_t>(at - objects_.begin());
  const std::uint64_t begin = row == 0 ? 0 : ends_[row - 1];
  return text_.substr(begin, ends_[row] - begin);
}

std::size_t StoredTexts::bytes() const {
  return objects_.capacity() * sizeof(objects_[0]) + ends_.capacity() * sizeof(ends_[0]) + text_.capacity();
}

template <class A, class Self>
void StoredTexts::archive(A& a, Self& self) {
  a(self.objects_, self.ends_, self.text_);
}
void StoredTexts::save(ArchiveWriter& a) const { archive(a, *this); }
std::unique_ptr<StoredTexts> StoredTexts::restored(ArchiveReader& a) {
  auto texts = std::make_unique<StoredTexts>();
  archive(a, *texts);
  if (texts->objects_.size() != texts->ends_.size()) throw BrokenArchive{};
  return texts;
}

void ForeignNames::add(std::uint64_t object, std::optional<std::uint64_t> id, std::string_view text) {
  if (id) {
    const bool continues = !pieces_.empty() && object == pieces_.back().firstObject + (ids_.size() - pieces_.back().firstId);
    if (!continues) pieces_.push_back({object, ids_.size()});
    ids_.push_back(*id);
  }
  if (!text.empty()) {
    texts_.push_back({object, text_.size(), text_.size() + text.size()});
    text_ += text;
  }
}

std::uint64_t ForeignNames::place(const ObjectNumbers& numbers, SnapshotState& state) {
  std::uint64_t lost = 0;
  if (!pieces_.empty()) {
    // Objects whose frame of names was lost keep the number 0.
    const std::uint64_t largest = *std::max_element(ids_.begin(), ids_.end());
    const bool narrow = largest <= UINT32_MAX;
    Buffer<std::uint32_t> units(narrow ? state.objects : 0);
    Buffer<std::uint64_t> wide(narrow ? 0 : state.objects);
    for (std::size_t p = 0; p < pieces_.size(); ++p) {
      const std::size_t end = p + 1 < pieces_.size() ? pieces_[p + 1].firstId : ids_.size();
      for (std::size_t i = pieces_[p].firstId; i < end; ++i) {
        const std::uint32_t object = numbers.indexOf(pieces_[p].firstObject + (i - pieces_[p].firstId));
        if (object == ObjectNumbers::kMissing) {
          ++lost;
          continue;
        }
        if (narrow) units[object] = static_cast<std::uint32_t>(ids_[i]);
        else wide[object] = ids_[i];
      }
    }
    AddressColumn addresses;
    if (narrow) {
      addresses.units = Column<std::uint32_t>::owning(std::move(units));
      addresses.segments.push_back({0, 0});
    } else {
      addresses.wide = Column<std::uint64_t>::owning(std::move(wide));
    }
    state.addresses = std::move(addresses);
    state.addressesAscend = false;   // names, not places: they were written because cells do not follow each other by them
    ids_ = {};
  }
  if (!texts_.empty()) {
    std::stable_sort(texts_.begin(), texts_.end(), [](const Text& a, const Text& b) { return a.object < b.object; });
    auto stored = std::make_unique<StoredTexts>();
    for (const Text& text : texts_) {
      const std::uint32_t object = numbers.indexOf(text.object);
      if (object == ObjectNumbers::kMissing) ++lost;
      else stored->add(object, std::string_view(text_).substr(text.begin, text.end - text.begin));
    }
    state.objectTexts = std::move(stored);
    texts_ = {};
    text_ = {};
  }
  return lost;
}

}  // namespace openclaw
