#include "gui/models/dominator_model.h"

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gui/numbers.h"
#include "gui/object_names.h"

namespace openclaw::gui {
namespace {

// Node ids: the object in the lower half; for a row of the rest the bit above it is set and the lower half names the
// owner, kRoots for all roots together.
constexpr quint64 kMoreBit = quint64{1} << 32;
constexpr std::uint32_t kRoots = 0xffff'ffffu;
// Slots looked at to name the children of one owner: some 50 ms for the widest arrays.
constexpr std::uint32_t kMaximumSlots = 2'000'000;

const std::vector<ColumnSpec>& columns() {
  static const std::vector<ColumnSpec> specs = {
      {"Object", "Below each object stand those that only it keeps alive, largest first.", Qt::AlignLeft},
      {"Held by", "The field or root that leads here. “several owners”: they keep it alive together, none of them alone.",
       Qt::AlignLeft},
      {"Retained", "Bytes that would be freed if this object were freed: its own and those of all below it.", Qt::AlignRight},
      {"% of live", "Retained bytes as a share of all reachable objects.", Qt::AlignRight},
      {"Own size", "Bytes of the object itself.", Qt::AlignRight},
      {"Owns", "Objects directly below this one.", Qt::AlignRight},
      {"Age", "Collections the object has survived; 7 stands for seven or more.", Qt::AlignRight},
      {"Address", "Where the object was in the dumped process.", Qt::AlignRight},
  };
  return specs;
}

std::uint32_t keyOf(std::optional<ObjectIndex> owner) { return owner ? owner->value : kRoots; }

}  // namespace

DominatorModel::DominatorModel(QObject* parent) : QAbstractItemModel(parent) {}

void DominatorModel::setAnswers(std::shared_ptr<const Answers> answers) {
  beginResetModel();
  answers_ = std::move(answers);
  firstLevel_ = Bytes();
  if (answers_ && answers_->scope)
    for (const std::uint32_t object : answers_->topOwners()) firstLevel_ += answers_->snapshot->retained(ObjectIndex(object));
  else if (answers_) firstLevel_ = answers_->totals.reachableBytes;
  top_.reset();
  shown_.clear();
  labels_.clear();
  labelled_.clear();
  endResetModel();
}

void DominatorModel::setTop(std::optional<ObjectIndex> top) {
  if (top == top_) return;
  beginResetModel();
  top_ = top;
  endResetModel();
}

std::span<const std::uint32_t> DominatorModel::childrenOf(Owner owner) const {
  if (!answers_) return {};
  return owner ? answers_->snapshot->dominatedBy(owner) : answers_->topOwners();
}

DominatorModel::Shown DominatorModel::shownOf(Owner owner) const {
  if (const auto found = shown_.find(keyOf(owner)); found != shown_.end()) return found->second;
  const std::size_t all = childrenOf(owner).size();
  return {std::min<std::size_t>(all, kPage), all > kPage};
}

DominatorModel::Owner DominatorModel::ownerOf(const QModelIndex& index) const {
  if (!index.isValid()) return std::nullopt;
  return ObjectIndex(static_cast<std::uint32_t>(index.internalId()));
}

bool DominatorModel::isMore(const QModelIndex& index) const {
  return index.isValid() && (index.internalId() & kMoreBit) != 0;
}

std::optional<ObjectIndex> DominatorModel::objectAt(const QModelIndex& index) const {
  if (!index.isValid() || isMore(index)) return std::nullopt;
  return ObjectIndex(static_cast<std::uint32_t>(index.internalId()));
}

void DominatorModel::showMore(const QModelIndex& moreRow) {
  if (!isMore(moreRow)) return;
  const auto key = static_cast<std::uint32_t>(moreRow.internalId());
  const Owner owner = key == kRoots ? Owner() : Owner(ObjectIndex(key));
  const QModelIndex parentIndex = parent(moreRow);
  const std::size_t all = childrenOf(owner).size();
  Shown shown = shownOf(owner);
  const std::size_t added = std::min<std::size_t>(kPage, all - shown.children);
  const auto first = static_cast<int>(shown.children);
  // The row of the rest goes and comes back behind the new ones: its text changes, and rows keep theirs while others
  // are inserted.
  beginRemoveRows(parentIndex, first, first);
  shown.more = false;
  shown_[key] = shown;
  endRemoveRows();
  const bool more = shown.children + added < all;
  beginInsertRows(parentIndex, first, first + static_cast<int>(added) - (more ? 0 : 1));
  shown_[key] = {shown.children + added, more};
  endInsertRows();
}

bool DominatorModel::isFirstLevel(ObjectIndex object) const {
  if (!answers_ || !answers_->snapshot->reachable(object)) return false;
  if (!answers_->scope) return !answers_->snapshot->dominator(object);
  return answers_->scope->contains(object) && rowAmong(answers_->topOwners(), object).has_value();
}

std::optional<ObjectIndex> DominatorModel::rowAbove(ObjectIndex object) const {
  if (isFirstLevel(object)) return std::nullopt;
  return answers_->snapshot->dominator(object);
}

std::optional<std::size_t> DominatorModel::rowAmong(std::span<const std::uint32_t> siblings, ObjectIndex object) const {
  // Siblings stand by retained size descending, then by index.
  const Snapshot& s = *answers_->snapshot;
  const Bytes retained = s.retained(object);
  const auto found = std::ranges::lower_bound(siblings, object.value, [&](std::uint32_t a, std::uint32_t b) {
    const Bytes x = s.retained(ObjectIndex(a)), y = b == object.value ? retained : s.retained(ObjectIndex(b));
    return x != y ? x > y : a < b;
  });
  if (found == siblings.end() || *found != object.value) return std::nullopt;
  return static_cast<std::size_t>(found - siblings.begin());
}

QModelIndex DominatorModel::indexOfOwner(Owner owner, int column) const {
  return owner ? indexOf(*owner, column) : QModelIndex();
}

QModelIndex DominatorModel::indexOf(ObjectIndex object, int column) const {
  if (!answers_ || object.value >= answers_->snapshot->objectCount() || !answers_->snapshot->reachable(object)) return {};
  if (top_) {
    if (object == *top_) return createIndex(0, column, quintptr(object.value));
    bool below = false;
    for (Owner up = answers_->snapshot->dominator(object); up && !below; up = answers_->snapshot->dominator(*up))
      below = *up == *top_;
    if (!below) return {};
  } else if (answers_->scope) {
    // Outside of the scope and of what it keeps alive there is no row.
    Owner up = object;
    while (up && !isFirstLevel(*up)) up = answers_->snapshot->dominator(*up);
    if (!up) return {};
  }
  const Owner owner = top_ ? answers_->snapshot->dominator(object) : rowAbove(object);
  const auto row = rowAmong(childrenOf(owner), object);
  if (!row || *row >= shownOf(owner).children) return {};
  return createIndex(static_cast<int>(*row), column, quintptr(object.value));
}

QModelIndex DominatorModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  if (!parent.isValid() && top_) return createIndex(row, column, quintptr(top_->value));
  const Owner owner = ownerOf(parent);
  const auto children = childrenOf(owner);
  if (static_cast<std::size_t>(row) < shownOf(owner).children)
    return createIndex(row, column, quintptr(children[static_cast<std::size_t>(row)]));
  return createIndex(row, column, quintptr(kMoreBit | keyOf(owner)));
}

QModelIndex DominatorModel::parent(const QModelIndex& child) const {
  if (!child.isValid() || !answers_) return {};
  const auto key = static_cast<std::uint32_t>(child.internalId());
  Owner owner;
  if (isMore(child)) {
    if (key != kRoots) owner = ObjectIndex(key);
  } else {
    if (top_ && key == top_->value) return {};
    owner = top_ ? answers_->snapshot->dominator(ObjectIndex(key)) : rowAbove(ObjectIndex(key));
  }
  if (!owner) return {};
  if (top_ && *owner == *top_) return createIndex(0, 0, quintptr(owner->value));
  const auto row = rowAmong(childrenOf(top_ ? answers_->snapshot->dominator(*owner) : rowAbove(*owner)), *owner);
  return row ? createIndex(static_cast<int>(*row), 0, quintptr(owner->value)) : QModelIndex();
}

int DominatorModel::rowCount(const QModelIndex& parent) const {
  if (!answers_ || parent.column() > 0 || isMore(parent)) return 0;
  if (!parent.isValid() && top_) return 1;
  const Shown shown = shownOf(ownerOf(parent));
  return static_cast<int>(shown.children) + (shown.more ? 1 : 0);
}

int DominatorModel::columnCount(const QModelIndex&) const { return kColumns; }

bool DominatorModel::hasChildren(const QModelIndex& parent) const { return rowCount(parent) > 0; }

QVariant DominatorModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= kColumns) return {};
  if (section == kAddress && answers_ && !answers_->snapshot->idsAreAddresses())
    return headerAnswer({tr("Id"), tr("The number that the dumped program gave the object."), Qt::AlignRight}, role);
  return headerAnswer(columns()[static_cast<std::size_t>(section)], role);
}

QVariant DominatorModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || !answers_) return {};
  const int column = index.column();
  if (role == Qt::TextAlignmentRole)
    return QVariant::fromValue(Qt::Alignment(columns()[static_cast<std::size_t>(column)].alignment | Qt::AlignVCenter));
  const auto key = static_cast<std::uint32_t>(index.internalId());
  if (isMore(index)) return dataOfMore(key == kRoots ? Owner() : Owner(ObjectIndex(key)), column, role);
  const ObjectIndex object(key);
  const Snapshot& s = *answers_->snapshot;
  switch (role) {
    case Qt::DisplayRole: return textOf(object, column);
    case kRawRole: return rawOf(object, column);
    case kFractionRole:
      return column == kShare ? QVariant(numbers::fraction(s.retained(object).value, answers_->totals.reachableBytes.value))
                              : QVariant();
    case Qt::ToolTipRole:
      switch (column) {
        case kObject:
        case kHeldBy: return textOf(object, column);
        case kRetained: return tr("%1 bytes").arg(numbers::count(s.retained(object).value));
        case kOwnSize: return tr("%1 bytes").arg(numbers::count(s.size(object).value));
        default: return {};
      }
    case kObjectRole: return quint32(object.value);
    case kTypeRole: return quint32(s.type(object).value);
    case kSiteRole: return s.site(object).value != 0 ? QVariant(quint32(s.site(object).value)) : QVariant();
    default: return {};
  }
}

QVariant DominatorModel::dataOfMore(Owner owner, int column, int role) const {
  const Snapshot& s = *answers_->snapshot;
  const auto children = childrenOf(owner);
  const std::size_t shown = shownOf(owner).children;
  if (role == kMutedRole) return true;
  if (column == kObject) {
    if (role != Qt::DisplayRole && role != kRawRole && role != Qt::ToolTipRole) return {};
    return tr("… %1 more; Enter shows the next %2")
        .arg(numbers::count(children.size() - shown), numbers::count(std::min<std::size_t>(kPage, children.size() - shown)));
  }
  if (column != kRetained && column != kShare) return {};
  // What the rest retains together: the owner's retained size without itself and without the rows shown.
  const Bytes whole = owner ? s.retained(*owner) - s.size(*owner) : firstLevel_;
  Bytes listed;
  for (const std::uint32_t child : children.first(shown)) listed += s.retained(ObjectIndex(child));
  const Bytes rest = whole < listed ? Bytes() : whole - listed;
  const std::uint64_t live = answers_->totals.reachableBytes.value;
  switch (role) {
    case Qt::DisplayRole: return column == kRetained ? numbers::size(rest) : numbers::share(rest.value, live);
    case kRawRole: return column == kRetained ? QVariant(quint64(rest.value)) : QVariant(numbers::fraction(rest.value, live));
    case kFractionRole: return column == kShare ? QVariant(numbers::fraction(rest.value, live)) : QVariant();
    default: return {};
  }
}

QString DominatorModel::textOf(ObjectIndex object, int column) const {
  const Snapshot& s = *answers_->snapshot;
  switch (column) {
    case kObject: return nameOf(s, object);
    case kHeldBy: return heldBy(object);
    case kRetained: return numbers::size(s.retained(object));
    case kShare: return numbers::share(s.retained(object).value, answers_->totals.reachableBytes.value);
    case kOwnSize: return numbers::size(s.size(object));
    case kOwned: return numbers::count(s.dominatedBy(object).size());
    case kAge: return answers_->agesKnown ? numbers::age(s.age(object)) : numbers::unknown();
    case kAddress: return idOf(s, object);
    default: return {};
  }
}

QVariant DominatorModel::rawOf(ObjectIndex object, int column) const {
  const Snapshot& s = *answers_->snapshot;
  switch (column) {
    case kRetained: return quint64(s.retained(object).value);
    case kShare: return numbers::fraction(s.retained(object).value, answers_->totals.reachableBytes.value);
    case kOwnSize: return quint64(s.size(object).value);
    case kOwned: return quint64(s.dominatedBy(object).size());
    case kAge: return s.age(object);
    default: return textOf(object, column);
  }
}

const QString& DominatorModel::heldBy(ObjectIndex object) const {
  if (const auto found = labels_.find(object.value); found != labels_.end()) return found->second;
  if (const Owner owner = answers_->snapshot->dominator(object)) {
    labelChildrenOf(*owner);
    if (const auto found = labels_.find(object.value); found != labels_.end()) return found->second;
  }
  const auto label = tryHolderLabel(*answers_->snapshot, object, kMaximumSlots);
  return labels_[object.value] = label ? numbers::text(*label) : tr("several owners");
}

// One pass over the owner's slots names all of its children that are shown: a pass per child would be quadratic.
void DominatorModel::labelChildrenOf(ObjectIndex owner) const {
  const std::size_t shown = shownOf(owner).children;
  std::size_t& labelled = labelled_[owner.value];
  if (labelled >= shown) return;
  const Snapshot& s = *answers_->snapshot;
  const auto fresh = childrenOf(owner).subspan(labelled, shown - labelled);
  labelled = shown;
  std::unordered_set<std::uint32_t> wanted(fresh.begin(), fresh.end());
  std::uint32_t looked = 0;
  for (EdgeCursor e = s.edgesFrom(owner); e && looked < kMaximumSlots && !wanted.empty(); e.next(), ++looked)
    if (wanted.erase(e.target().value) > 0) labels_[e.target().value] = numbers::text(s.labelOf(owner, e.slot()));
  const QString rest = looked < kMaximumSlots ? tr("several owners") : tr("one of %1 slots").arg(numbers::count(s.slotCount(owner)));
  for (const std::uint32_t child : wanted) labels_[child] = rest;
}

}  // namespace openclaw::gui
