// "Only this type", "Only what this retains": the context menu that puts what is under the mouse into the scope. One place
// for all tables, trees and painted views, so that the words and their order are the same everywhere.
//
//   offerScope(*table, [this] { return answers_.get(); }, [this](const ScopePart& p, ScopeWish w) { Q_EMIT scopeRequested(p, w); });
//   addScopeActions(menu, *answers_, scopePartsOf(*answers_, object), ask);       // a painted view
#pragma once

#include <functional>
#include <vector>

#include "gui/answers.h"
#include "gui/views/view.h"

class QAbstractItemView;
class QMenu;
class QModelIndex;

namespace openclaw::gui {

using ScopeAsker = std::function<void(const ScopePart& part, ScopeWish wish)>;

// What an object can stand for: its type, site, arena, age and what it retains.
std::vector<ScopePart> scopePartsOf(const Answers& answers, ObjectIndex object);
// What a row stands for, by its roles.
std::vector<ScopePart> scopePartsOf(const Answers& answers, const QModelIndex& row);

// An action a part; where the scope has others of the kind already, one more that adds the part beside them; and the merged
// paths to objects of the type or site.
void addScopeActions(QMenu& menu, const Answers& answers, const std::vector<ScopePart>& parts, const ScopeAsker& ask);

// The view's context menu (mouse, menu key, Shift+F10): its own actions, then those of the row. `answers` may give null.
void offerScope(QAbstractItemView& view, std::function<const Answers*()> answers, ScopeAsker ask);

}  // namespace openclaw::gui
