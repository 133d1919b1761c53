// What a converted dump's names frames say: the source's own numbers of objects in place of made-up addresses, and texts of
// single objects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/load/object_numbers.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {

// Texts in one piece of memory. Threads: one while filled, then const from any number.
class StoredTexts final : public ObjectTexts {
 public:
  // Ascending objects.
  void add(std::uint32_t object, std::string_view text);
  std::string describe(std::uint32_t object) const override;
  std::size_t bytes() const override;
  TextsKind textsKind() const override { return TextsKind::kStored; }
  void save(ArchiveWriter& archive) const override;
  // Throws BrokenArchive.
  static std::unique_ptr<StoredTexts> restored(ArchiveReader& archive);

 private:
  template <class A, class Self>
  static void archive(A& a, Self& self);
  std::vector<std::uint32_t> objects_;
  std::vector<std::uint64_t> ends_;   // in text_
  std::string text_;
};

// Threads: one.
class ForeignNames {
 public:
  // `object`: its number in the file. Rows come in any order of frames; inside a frame they ascend.
  void add(std::uint64_t object, std::optional<std::uint64_t> id, std::string_view text);
  bool any() const { return !pieces_.empty() || !texts_.empty(); }
  // Into addresses and texts of `state`, whose other columns are there. Answers how many rows name no object.
  std::uint64_t place(const ObjectNumbers& numbers, SnapshotState& state);

 private:
  struct Piece {
    std::uint64_t firstObject;
    std::size_t firstId;
  };
  struct Text {
    std::uint64_t object, begin, end;   // in text_
  };
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> ids_;
  std::vector<Text> texts_;
  std::string text_;
};

}  // namespace openclaw
