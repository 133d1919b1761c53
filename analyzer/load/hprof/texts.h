// What a Java dump says of single objects, read from the file when asked: the beginning of a String, the name of a Thread, of an
// enum constant, of the class behind a Class object; and the names of slots.
//
// An object's record is found through the nearest checkpoint before it: one is kept every kCheckpointRows objects.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/load/hprof/class_table.h"
#include "analyzer/snapshot_state.h"

namespace openclaw::hprof {

// What is kept of the file beside the columns. Shared by both kinds of texts. Constant once the snapshot is built.
struct Details {
  explicit Details(unsigned idSize) : classes(idSize) {}
  NameTable names;
  ClassTable classes;
  std::unique_ptr<SourceBytes> source;  // null: the file cannot be read any more
  std::vector<GzipMember> members;
  std::shared_ptr<const AddressSet> ids;  // of all objects

  struct Checkpoint {
    std::uint32_t object;
    std::uint64_t at;
    template <class A, class Self>
    static void archive(A& a, Self& self) {
      a(self.object, self.at);
    }
  };
  std::vector<Checkpoint> checkpoints;  // ascending objects
  static constexpr std::uint64_t kCheckpointRows = 256;

  std::vector<std::pair<std::uint32_t, std::uint32_t>> classObjects;  // (object, class number), ascending
  struct ExtraSlot {  // behind an object's own slots: what the dump says elsewhere
    std::uint32_t object;
    std::string_view label;  // a literal, or in ownLabels
  };
  std::vector<ExtraSlot> extraSlots;       // ascending objects
  std::set<std::string, std::less<>> ownLabels;
  std::vector<std::uint32_t> typeClasses;  // by type: its class, or ClassInfo::kNone

  std::uint32_t indexOf(std::uint64_t id) const { return ids->indexOf(id); }  // AddressSet::kMissing
  std::optional<std::uint32_t> classOfObject(std::uint32_t object) const;
  std::size_t bytes() const;
};

// The slots of a Class object under `policy`: their names in order, and the ids they hold.
struct ClassSlot {
  std::uint64_t name = 0;  // of a static field; 0: `text`
  const char* text = "";
  std::uint64_t value = 0;
};
std::vector<ClassSlot> classSlots(const ClassInfo& info, Policy policy, std::uint64_t classOfClasses);
std::size_t countClassSlots(const ClassInfo& info, Policy policy);

std::unique_ptr<ObjectTexts> makeObjectTexts(const SnapshotState& state, std::shared_ptr<const Details> details);
std::unique_ptr<SlotTexts> makeSlotTexts(const SnapshotState& state, std::shared_ptr<const Details> details);
// Both again, from what ObjectTexts::save() wrote; `state` has all else. Throws BrokenArchive, std::bad_alloc.
void restoreTexts(ArchiveReader& archive, SnapshotState& state);

}  // namespace openclaw::hprof
