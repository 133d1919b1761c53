// The histogram as a table: a row per type, sorted and filtered through a permutation of row numbers, so that painting
// only looks things up. Sorting compares raw values; text columns compare ranks that are computed once.
//
//   model.setAnswers(answers);
//   model.setFilter("/^Session/");      // or plain text: part of a name, any case; returns what is wrong with a pattern
//   model.sort(HistogramModel::kRetained, Qt::DescendingOrder);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <QAbstractTableModel>
#include <QString>

#include "gui/answers.h"
#include "gui/models/rows_model.h"

namespace openclaw::gui {

class HistogramModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column : int { kType, kObjects, kOwnSize, kShare, kRetained, kMedianAge, kColumns };
  // Sums over the rows that the filter lets through. Retained sizes overlap and have no sum.
  struct Sums {
    std::uint64_t rows = 0, allRows = 0, objects = 0;
    Bytes ownSize;
  };

  explicit HistogramModel(QObject* parent = nullptr);
  // Null clears. Keeps filter and sorting.
  void setAnswers(std::shared_ptr<const Answers> answers);
  // Nothing, or what is wrong with the pattern (then nothing changes).
  std::optional<QString> setFilter(const QString& filter);
  const QString& filter() const { return filter_; }
  const Sums& sums() const { return sums_; }
  // -1: filtered out, or no such row.
  int rowOf(TypeIndex type) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  void sort(int column, Qt::SortOrder order) override;

 private:
  const HistogramRow& rowAt(int row) const;
  std::vector<std::uint32_t> filteredRows(const QString& filter, std::optional<QString>& problem) const;
  void sortRows();
  const std::vector<std::uint32_t>& nameRanks();
  void addUp();
  QString textOf(const HistogramRow& row, int column) const;
  QVariant rawOf(const HistogramRow& row, int column) const;

  std::shared_ptr<const Answers> answers_;
  std::vector<std::uint32_t> shown_;      // rows of answers_->histogram, in the order shown
  std::vector<std::uint32_t> nameRanks_;  // by row of the histogram; empty until names are sorted
  QString filter_;
  int sortColumn_ = kOwnSize;
  Qt::SortOrder sortOrder_ = Qt::DescendingOrder;
  Sums sums_;
};

}  // namespace openclaw::gui
