#include "gui/models/merged_paths_model.h"

#include <utility>

#include "analyzer/report/numbers.h"
#include "gui/answers.h"
#include "gui/numbers.h"
#include "gui/object_names.h"

namespace openclaw::gui {
namespace {

const std::vector<ColumnSpec>& columns() {
  static const std::vector<ColumnSpec> specs = {
      {"Reached through", "Objects of one type that hang in the same field of the row above; below the roots, of one root.", Qt::AlignLeft},
      {"Held by", "The field that leads here, [*] for all elements of an array; on the first level the root.", Qt::AlignLeft},
      {"Objects", "How many objects stand in this row.", Qt::AlignRight},
      {"Reached", "Objects of the scope whose shortest path from a root leads through this row, those in it included.", Qt::AlignRight},
      {"% of them", "Share of all objects of the scope that a root reaches.", Qt::AlignRight},
      {"Their size", "Own size of those objects.", Qt::AlignRight},
      {"Here", "Of those, the objects that stand in this very row.", Qt::AlignRight},
  };
  return specs;
}

}  // namespace

MergedPathsModel::MergedPathsModel(QObject* parent) : QAbstractItemModel(parent) {}

void MergedPathsModel::setPaths(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const MergedPaths> paths) {
  beginResetModel();
  snapshot_ = std::move(snapshot);
  paths_ = std::move(paths);
  places_.clear();
  tops_.clear();
  if (paths_) {
    places_.resize(paths_->rows.size());
    std::vector<std::uint32_t> open;  // the row above, by depth
    for (std::uint32_t i = 0; i < paths_->rows.size(); ++i) {
      open.resize(paths_->rows[i].depth);
      std::vector<std::uint32_t>& siblings = open.empty() ? tops_ : places_[open.back()].children;
      places_[i].parent = open.empty() ? kTop : open.back();
      places_[i].row = static_cast<int>(siblings.size());
      siblings.push_back(i);
      open.push_back(i);
    }
  }
  endResetModel();
}

const MergedPathRow* MergedPathsModel::rowAt(const QModelIndex& index) const {
  return index.isValid() && paths_ ? &paths_->rows[index.internalId()] : nullptr;
}

const std::vector<std::uint32_t>& MergedPathsModel::childrenOf(const QModelIndex& parent) const {
  return parent.isValid() ? places_[parent.internalId()].children : tops_;
}

QModelIndex MergedPathsModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  return createIndex(row, column, quintptr(childrenOf(parent)[static_cast<std::size_t>(row)]));
}

QModelIndex MergedPathsModel::parent(const QModelIndex& child) const {
  if (!child.isValid()) return {};
  const std::uint32_t above = places_[child.internalId()].parent;
  return above == kTop ? QModelIndex() : createIndex(places_[above].row, 0, quintptr(above));
}

int MergedPathsModel::rowCount(const QModelIndex& parent) const { return parent.column() > 0 ? 0 : static_cast<int>(childrenOf(parent).size()); }

int MergedPathsModel::columnCount(const QModelIndex&) const { return kColumns; }

QVariant MergedPathsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= kColumns) return {};
  return headerAnswer(columns()[static_cast<std::size_t>(section)], role);
}

QString MergedPathsModel::textOf(const MergedPathRow& row, int column) const {
  switch (column) {
    case kObjects: {
      if (!row.type) return tr("… other paths");
      QString text = row.single ? nameOf(*snapshot_, *row.single) : numbers::text(typeText(*snapshot_, row.type));
      if (row.levels > 1) text += tr(", up to %1 deep").arg(numbers::count(row.levels));
      return text;
    }
    case kHeldBy:
      // As the other views call a root; of several only what they share is known.
      if (row.depth == 0 && row.single)
        if (const auto roots = rootsOf(*snapshot_, *row.single); !roots.empty()) return numbers::text(gui::rootText(*snapshot_, roots.front()));
      return numbers::text(row.label);
    case kCount: return numbers::count(row.objects);
    case kMembers: return numbers::count(row.members);
    case kShare: return numbers::share(row.members, paths_->members);
    case kBytes: return numbers::size(row.memberBytes);
    case kHere: return row.membersHere == 0 ? QString() : numbers::count(row.membersHere);
    default: return {};
  }
}

QVariant MergedPathsModel::data(const QModelIndex& index, int role) const {
  const MergedPathRow* row = rowAt(index);
  if (row == nullptr) return {};
  const int column = index.column();
  switch (role) {
    case Qt::DisplayRole: return textOf(*row, column);
    case Qt::TextAlignmentRole: return QVariant::fromValue(Qt::Alignment(columns()[static_cast<std::size_t>(column)].alignment | Qt::AlignVCenter));
    case Qt::ToolTipRole:
      if (column == kBytes) return tr("%1 bytes").arg(numbers::count(row->memberBytes.value));
      if (column == kObjects && row->levels > 1) return tr("%1: objects that hang in their like, in chains of up to %2").arg(textOf(*row, column), numbers::count(row->levels));
      if (column == kObjects && !row->type) return tr("Paths that few of the objects are reached through, laid together");
      return column == kObjects || column == kHeldBy ? QVariant(textOf(*row, column)) : QVariant();
    case kRawRole:
      switch (column) {
        case kCount: return quint64(row->objects);
        case kMembers: return quint64(row->members);
        case kShare: return numbers::fraction(row->members, paths_->members);
        case kBytes: return quint64(row->memberBytes.value);
        case kHere: return quint64(row->membersHere);
        default: return textOf(*row, column);
      }
    case kFractionRole: return column == kShare ? QVariant(numbers::fraction(row->members, paths_->members)) : QVariant();
    case kObjectRole: return row->single ? QVariant(quint32(row->single->value)) : QVariant();
    case kTypeRole: return row->type ? QVariant(quint32(row->type.value)) : QVariant();
    case kMutedRole: return !row->type;
    default: return {};
  }
}

}  // namespace openclaw::gui
