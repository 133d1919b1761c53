// The paths of all objects of a scope laid on each other, as a tree: (row, column, role) to the rows of MergedPaths. All rows are
// there from the start; the analyzer has left out what few lead through.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <QAbstractItemModel>

#include "analyzer/graph/merged_paths.h"
#include "gui/models/rows_model.h"

namespace openclaw::gui {

class MergedPathsModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column : int { kObjects, kHeldBy, kCount, kMembers, kShare, kBytes, kHere, kColumns };

  explicit MergedPathsModel(QObject* parent = nullptr);
  // Both or none.
  void setPaths(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const MergedPaths> paths);
  const MergedPathRow* rowAt(const QModelIndex& index) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  struct Place {
    std::uint32_t parent = 0;  // kTop below the roots
    int row = 0;
    std::vector<std::uint32_t> children;
  };
  static constexpr std::uint32_t kTop = 0xffff'ffffu;
  const std::vector<std::uint32_t>& childrenOf(const QModelIndex& parent) const;
  QString textOf(const MergedPathRow& row, int column) const;

  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const MergedPaths> paths_;
  std::vector<Place> places_;  // as the rows
  std::vector<std::uint32_t> tops_;
};

}  // namespace openclaw::gui
