// Who owns the memory, as a tree: below each object those that only it keeps alive, largest first. Lazy: nothing is
// stored per node. A node's id is its object, its children are a range of the snapshot, its row is found by
// bisection, so a root with millions of children costs what its first page costs.
//
//   model.setAnswers(answers);
//   QModelIndex top = model.index(0, DominatorModel::kRetained);
//   if (model.isMore(index)) model.showMore(index);          // a parent shows 1,000 children, then a row for the rest
//   model.setTop(object);                                     // only this object and what it owns
//
// Of a scope the first level are its objects that no other of it dominates; below them stands all that they own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

#include <QAbstractItemModel>
#include <QString>

#include "gui/answers.h"
#include "gui/models/rows_model.h"

namespace openclaw::gui {

class DominatorModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column : int { kObject, kHeldBy, kRetained, kShare, kOwnSize, kOwned, kAge, kAddress, kColumns };
  static constexpr int kPage = 1000;

  explicit DominatorModel(QObject* parent = nullptr);
  void setAnswers(std::shared_ptr<const Answers> answers);
  // nullopt: everything.
  void setTop(std::optional<ObjectIndex> top);
  std::optional<ObjectIndex> top() const { return top_; }

  bool isMore(const QModelIndex& index) const;
  // Adds the next page in place of the row for the rest, which comes again below it if there are still more.
  void showMore(const QModelIndex& moreRow);
  std::optional<ObjectIndex> objectAt(const QModelIndex& index) const;
  // The row above an object: its dominator, none for those of the first level and for what has none.
  std::optional<ObjectIndex> rowAbove(ObjectIndex object) const;
  // Whether it stands on the first level when no top is set.
  bool isFirstLevel(ObjectIndex object) const;
  // Where `object` stands, without showing more; invalid when it is not among the rows shown or below another top.
  QModelIndex indexOf(ObjectIndex object, int column = kObject) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  bool hasChildren(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  // An owner: an object, or all roots together.
  using Owner = std::optional<ObjectIndex>;
  struct Shown {
    std::size_t children = 0;  // rows of children
    bool more = false;         // and one for the rest
  };
  Owner ownerOf(const QModelIndex& index) const;
  QModelIndex indexOfOwner(Owner owner, int column) const;
  std::span<const std::uint32_t> childrenOf(Owner owner) const;
  Shown shownOf(Owner owner) const;
  std::optional<std::size_t> rowAmong(std::span<const std::uint32_t> siblings, ObjectIndex object) const;
  const QString& heldBy(ObjectIndex object) const;
  void labelChildrenOf(ObjectIndex owner) const;
  QVariant dataOfMore(Owner owner, int column, int role) const;
  QString textOf(ObjectIndex object, int column) const;
  QVariant rawOf(ObjectIndex object, int column) const;

  std::shared_ptr<const Answers> answers_;
  std::optional<ObjectIndex> top_;
  Bytes firstLevel_;  // that the first level retains
  std::unordered_map<std::uint32_t, Shown> shown_;                 // owners whose page was grown
  mutable std::unordered_map<std::uint32_t, QString> labels_;      // by object: what its owner calls it
  mutable std::unordered_map<std::uint32_t, std::size_t> labelled_;  // by owner: children already labelled
};

}  // namespace openclaw::gui
