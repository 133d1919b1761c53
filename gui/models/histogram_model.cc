#include "gui/models/histogram_model.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <QRegularExpression>

#include "gui/numbers.h"

namespace openclaw::gui {
namespace {

const std::vector<ColumnSpec>& columns() {
  static const std::vector<ColumnSpec> specs = {
      {"Type", "The class as the program declared it.", Qt::AlignLeft},
      {"Objects", "How many objects of this type the dump holds, reachable or not.", Qt::AlignRight},
      {"Own size", "Bytes of the objects themselves, headers and rounding included. Adds up to the heap.", Qt::AlignRight},
      {"% of heap", "Own size as a share of all objects in the dump.", Qt::AlignRight},
      {"Retained",
       "Bytes that would be freed if these objects were freed. A lower bound (≥): what several of them keep alive "
       "together is not counted. Rows overlap, so this column does not add up.",
       Qt::AlignRight},
      {"Median age", "Collections that half of the objects have survived; 7 stands for seven or more.", Qt::AlignRight},
  };
  return specs;
}

}  // namespace

HistogramModel::HistogramModel(QObject* parent) : QAbstractTableModel(parent) {}

void HistogramModel::setAnswers(std::shared_ptr<const Answers> answers) {
  beginResetModel();
  answers_ = std::move(answers);
  nameRanks_.clear();
  shown_.clear();
  if (answers_) {
    std::optional<QString> problem;
    shown_ = filteredRows(filter_, problem);
    sortRows();
  }
  addUp();
  endResetModel();
}

std::optional<QString> HistogramModel::setFilter(const QString& filter) {
  std::optional<QString> problem;
  std::vector<std::uint32_t> rows = filteredRows(filter, problem);
  if (problem) return problem;
  beginResetModel();
  filter_ = filter;
  shown_ = std::move(rows);
  sortRows();
  addUp();
  endResetModel();
  return std::nullopt;
}

std::vector<std::uint32_t> HistogramModel::filteredRows(const QString& filter, std::optional<QString>& problem) const {
  std::vector<std::uint32_t> rows;
  const std::size_t count = answers_ ? answers_->histogram.size() : 0;
  const bool isPattern = filter.size() >= 2 && filter.startsWith('/') && filter.endsWith('/');
  QRegularExpression pattern;
  if (isPattern) {
    pattern.setPattern(filter.mid(1, filter.size() - 2));
    if (!pattern.isValid()) {
      problem = pattern.errorString();
      return rows;
    }
    pattern.optimize();
  }
  rows.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const QString name = numbers::text(answers_->snapshot->types()[answers_->histogram[i].type].name);
    const bool matches = filter.isEmpty() ? true
                         : isPattern      ? pattern.match(name).hasMatch()
                                          : name.contains(filter, Qt::CaseInsensitive);
    if (matches) rows.push_back(i);
  }
  return rows;
}

int HistogramModel::rowOf(TypeIndex type) const {
  const auto found = std::ranges::find_if(shown_, [&](std::uint32_t i) { return answers_->histogram[i].type == type; });
  return found == shown_.end() ? -1 : static_cast<int>(found - shown_.begin());
}

int HistogramModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(shown_.size());
}

int HistogramModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant HistogramModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= kColumns) return {};
  return headerAnswer(columns()[static_cast<std::size_t>(section)], role);
}

const HistogramRow& HistogramModel::rowAt(int row) const {
  return answers_->histogram[shown_[static_cast<std::size_t>(row)]];
}

QVariant HistogramModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || !answers_) return {};
  const HistogramRow& row = rowAt(index.row());
  switch (role) {
    case Qt::DisplayRole: return textOf(row, index.column());
    case kRawRole: return rawOf(row, index.column());
    case Qt::TextAlignmentRole:
      return QVariant::fromValue(Qt::Alignment(columns()[static_cast<std::size_t>(index.column())].alignment | Qt::AlignVCenter));
    case kFractionRole:
      return index.column() == kShare ? QVariant(numbers::fraction(row.shallow.value, answers_->totals.bytes.value))
                                      : QVariant();
    case Qt::ToolTipRole:
      switch (index.column()) {
        case kType: return textOf(row, kType);
        case kOwnSize: return tr("%1 bytes").arg(numbers::count(row.shallow.value));
        case kRetained:
          return tr("%1 bytes, %2").arg(numbers::count(row.retained.value), numbers::words(row.retainedCertainty));
        case kObjects:
          return row.unreachableObjects == 0
                     ? tr("All reachable")
                     : tr("%1 of them are unreachable").arg(numbers::count(row.unreachableObjects));
        default: return {};
      }
    case kTypeRole: return quint32(row.type.value);
    default: return {};
  }
}

QString HistogramModel::textOf(const HistogramRow& row, int column) const {
  switch (column) {
    case kType: return numbers::text(answers_->snapshot->types()[row.type].name);
    case kObjects: return numbers::count(row.objects);
    case kOwnSize: return numbers::size(row.shallow);
    case kShare: return numbers::share(row.shallow.value, answers_->totals.bytes.value);
    case kRetained: return numbers::size(row.retained, row.retainedCertainty);
    case kMedianAge: return answers_->agesKnown ? numbers::age(row.medianAge) : numbers::unknown();
    default: return {};
  }
}

QVariant HistogramModel::rawOf(const HistogramRow& row, int column) const {
  switch (column) {
    case kType: return textOf(row, kType);
    case kObjects: return quint64(row.objects);
    case kOwnSize: return quint64(row.shallow.value);
    case kShare: return numbers::fraction(row.shallow.value, answers_->totals.bytes.value);
    case kRetained: return quint64(row.retained.value);
    case kMedianAge: return row.medianAge;
    default: return {};
  }
}

void HistogramModel::sort(int column, Qt::SortOrder order) {
  if (column < 0 || column >= kColumns) return;
  sortColumn_ = column;
  sortOrder_ = order;
  if (!answers_) return;
  Q_EMIT layoutAboutToBeChanged({}, QAbstractItemModel::VerticalSortHint);
  const QModelIndexList before = persistentIndexList();
  std::vector<std::uint32_t> kept;
  kept.reserve(static_cast<std::size_t>(before.size()));
  for (const QModelIndex& index : before) kept.push_back(shown_[static_cast<std::size_t>(index.row())]);
  sortRows();
  if (!before.isEmpty()) {
    std::vector<int> rowOfHistogramRow(answers_->histogram.size(), -1);
    for (std::size_t i = 0; i < shown_.size(); ++i) rowOfHistogramRow[shown_[i]] = static_cast<int>(i);
    QModelIndexList after;
    for (qsizetype i = 0; i < before.size(); ++i)
      after.push_back(index(rowOfHistogramRow[kept[static_cast<std::size_t>(i)]], before[i].column()));
    changePersistentIndexList(before, after);
  }
  Q_EMIT layoutChanged({}, QAbstractItemModel::VerticalSortHint);
}

void HistogramModel::sortRows() {
  if (!answers_) return;
  const auto& rows = answers_->histogram;
  // Equal values keep the histogram's own order, in both directions.
  const auto by = [&](const auto& key) {
    if (sortOrder_ == Qt::AscendingOrder)
      std::ranges::sort(shown_, [&](std::uint32_t a, std::uint32_t b) { return std::pair(key(a), a) < std::pair(key(b), b); });
    else
      std::ranges::sort(shown_, [&](std::uint32_t a, std::uint32_t b) {
        const auto x = key(a), y = key(b);
        return x != y ? x > y : a < b;
      });
  };
  switch (sortColumn_) {
    case kType: {
      const auto& ranks = nameRanks();
      by([&](std::uint32_t i) { return ranks[i]; });
      break;
    }
    case kObjects: by([&](std::uint32_t i) { return rows[i].objects; }); break;
    case kOwnSize:
    case kShare: by([&](std::uint32_t i) { return rows[i].shallow; }); break;
    case kRetained: by([&](std::uint32_t i) { return rows[i].retained; }); break;
    case kMedianAge: by([&](std::uint32_t i) { return rows[i].medianAge; }); break;
    default: break;
  }
}

const std::vector<std::uint32_t>& HistogramModel::nameRanks() {
  if (nameRanks_.size() == answers_->histogram.size()) return nameRanks_;
  const auto& types = answers_->snapshot->types();
  std::vector<std::uint32_t> byName(answers_->histogram.size());
  std::iota(byName.begin(), byName.end(), 0u);
  std::ranges::sort(byName, {}, [&](std::uint32_t i) -> const std::string& { return types[answers_->histogram[i].type].name; });
  nameRanks_.resize(byName.size());
  for (std::uint32_t rank = 0; rank < byName.size(); ++rank) nameRanks_[byName[rank]] = rank;
  return nameRanks_;
}

void HistogramModel::addUp() {
  sums_ = {};
  if (!answers_) return;
  sums_.allRows = answers_->histogram.size();
  sums_.rows = shown_.size();
  for (const std::uint32_t i : shown_) {
    sums_.objects += answers_->histogram[i].objects;
    sums_.ownSize += answers_->histogram[i].shallow;
  }
}

}  // namespace openclaw::gui
