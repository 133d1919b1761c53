#include "gui/views/flame_view.h"

#include <algorithm>
#include <utility>

#include <QComboBox>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "gui/numbers.h"
#include "gui/views/flame_canvas.h"
#include "gui/views/scope_menu.h"

namespace openclaw::gui {
namespace {

// Sites below a box that its menu lists.
constexpr std::size_t kSitesOffered = 12;

QLabel* makeLine(QWidget* parent, const char* name) {
  auto* label = new QLabel(parent);
  label->setObjectName(QLatin1String(name));
  label->setTextFormat(Qt::PlainText);
  label->setMinimumWidth(1);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  return label;
}

}  // namespace

FlameView::FlameView(QWidget* parent) : View(parent) {
  auto* content = new QWidget(this);
  note_ = makeLine(content, "flameNote");
  note_->setWordWrap(true);
  weight_ = new QComboBox(content);
  weight_->setObjectName(QStringLiteral("flameWeight"));
  weight_->setAccessibleName(tr("What the widths stand for"));
  for (const FlameWeight weight : {FlameWeight::kLiveBytes, FlameWeight::kAllocatedBytes, FlameWeight::kFreedBytes, FlameWeight::kRetainedBytes})
    weight_->addItem(tr("Width: %1").arg(QLatin1String(toText(weight))));
  search_ = new QLineEdit(content);
  search_->setObjectName(QStringLiteral("flameSearch"));
  search_->setAccessibleName(tr("Search functions and files"));
  search_->setPlaceholderText(tr("Search: part of a function or file      (Ctrl+F)"));
  search_->setClearButtonEnabled(true);
  search_->installEventFilter(this);
  found_ = makeLine(content, "flameFound");
  whole_ = new QPushButton(tr("&Whole graph (0)"), content);
  whole_->setObjectName(QStringLiteral("flameWhole"));
  whole_->setAutoDefault(false);
  canvas_ = new FlameCanvas(content);
  canvas_->setObjectName(QStringLiteral("flame"));
  canvas_->setAccessibleName(tr("Flame graph of allocations"));
  canvas_->installEventFilter(this);
  scroll_ = new QScrollArea(content);
  scroll_->setObjectName(QStringLiteral("flameScroll"));
  scroll_->setWidgetResizable(true);
  scroll_->setFocusPolicy(Qt::NoFocus);
  scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  scroll_->setWidget(canvas_);
  pointed_ = makeLine(content, "flamePointed");
  pointed_->setWordWrap(true);

  auto* bar = new QHBoxLayout;
  bar->addWidget(weight_);
  bar->addWidget(search_, 1);
  bar->addWidget(found_);
  bar->addWidget(whole_);
  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(10, 10, 10, 8);
  layout->addWidget(note_);
  layout->addLayout(bar);
  layout->addWidget(scroll_, 1);
  layout->addWidget(pointed_);
  setContent(content);

  connect(weight_, &QComboBox::currentIndexChanged, this, &FlameView::showWeight);
  connect(search_, &QLineEdit::textChanged, this, &FlameView::search);
  connect(search_, &QLineEdit::returnPressed, this, [this] { canvas_->setFocus(); });
  connect(whole_, &QPushButton::clicked, this, [this] { canvas_->zoomTo(FlameGraph::kRoot); });
  connect(canvas_, &FlameCanvas::pointedAt, this, &FlameView::showPointed);
  connect(canvas_, &FlameCanvas::menuWanted, this, &FlameView::offerSites);
  connect(canvas_, &FlameCanvas::zoomed, this, [this] { whole_->setEnabled(canvas_->zoom() != FlameGraph::kRoot); });
  showNoDump();
}

void FlameView::showAnswers(std::shared_ptr<const Answers> answers) {
  canvas_->setFlame(nullptr);  // it borrows from the answers that go
  const bool sameDump = answers_ && answers_->snapshot == answers->snapshot;
  answers_ = std::move(answers);
  const bool nothing = std::ranges::all_of(answers_->flames, [](const FlameGraph& flame) { return flame.empty(); });
  if (nothing && answers_->scope) {
    showEmpty(tr("No object lies in the scope"), tr("Esc removes its last label."));
    return;
  }
  if (nothing) {
    showEmpty(tr("Nobody is known"), answers_->readWhole() ? tr("The dump holds neither objects nor allocations. Take one while the program holds some: occtl memory dump")
                                                           : tr("Sites and stacks are not in the part of the dump that could be read; take the dump again."));
    return;
  }
  // One box as wide as the window would look like an answer.
  const Snapshot& s = *answers_->snapshot;
  if (s.kind() != DumpKind::kOpenclaw && std::ranges::all_of(answers_->flames, [](const FlameGraph& flame) { return flame.withoutStack == flame.nodes.front().total; }) &&
      std::ranges::all_of(answers_->sites, [](const SiteRow& row) { return row.site.value == 0; })) {
    showEmpty(tr("Nobody is known"), answers_->scope ? tr("Of no object in the scope the dump says where it was made.")
                                     : s.kind() == DumpKind::kV8 ? tr("This snapshot does not say where its objects were made. Snapshots of “Allocations on timeline” with stacks do "
                                                                    "(DevTools, Memory), or of node's HeapProfiler.startTrackingHeapObjects with trackAllocations.")
                                                               : tr("This dump does not say where its objects were made: HotSpot writes no stacks of allocations into a dump. Owners "
                                                                    "(Alt+3) and Paths (Alt+8) say who keeps them."));
    return;
  }
  if (!sameDump) weight_->setCurrentIndex(0);
  showWeight(weight_->currentIndex());
  showData();
}

void FlameView::showNoDump() {
  canvas_->setFlame(nullptr);
  answers_.reset();
  showEmpty(tr("No dump is open"), tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"),
            tr("&Open a dump…"));
}

QWidget* FlameView::mainWidget() { return canvas_; }

QString FlameView::scopeNote() const {
  return answers_ && !knownOf(answers_->selection(), FlameWeight::kFreedBytes) ? tr("Allocated and freed bytes are counted by site, so they are known of sites alone.")
                                                                                : QString();
}

// The sites below a box: of a line that allocates, its own.
void FlameView::offerSites(std::uint32_t node, QPoint at) {
  const FlameGraph* flame = canvas_->flame();
  if (!answers_ || flame == nullptr || node >= flame->nodes.size()) return;
  std::vector<std::pair<std::uint64_t, SiteIndex>> sites;
  std::vector<std::uint32_t> open{node};
  while (!open.empty()) {
    const FlameNode& n = flame->nodes[open.back()];
    open.pop_back();
    if (n.site && n.site.value != 0 && n.self > 0) {
      const auto known = std::ranges::find(sites, n.site, &std::pair<std::uint64_t, SiteIndex>::second);
      if (known == sites.end()) sites.emplace_back(n.self, n.site);
      else known->first += n.self;
    }
    for (std::uint32_t child = n.firstChild; child < n.firstChild + n.childCount; ++child) open.push_back(child);
  }
  if (sites.empty()) return;
  std::ranges::sort(sites, [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  auto* menu = new QMenu(this);
  menu->setAttribute(Qt::WA_DeleteOnClose);
  std::vector<ScopePart> parts;
  for (const auto& [bytes, site] : sites)
    if (parts.size() < kSitesOffered) parts.push_back(ScopePart::site(site));
  addScopeActions(*menu, *answers_, parts, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
  if (sites.size() > parts.size()) menu->addAction(tr("… %1 more sites below this box").arg(numbers::count(sites.size() - parts.size())))->setEnabled(false);
  menu->popup(at);
}

namespace {

// A box by the names of its callers and its own, which other graphs understand too.
QStringList pathOf(const FlameGraph& flame, std::uint32_t node) {
  QStringList names;
  for (; node != FlameGraph::kRoot; node = flame.nodes[node].parent) names.push_front(numbers::text(flame.name(node)) + QLatin1Char('\n') + numbers::text(flame.place(node)));
  return names;
}

// The box of that path, or of as much of it as there is.
std::uint32_t nodeAt(const FlameGraph& flame, const QStringList& path) {
  std::uint32_t node = FlameGraph::kRoot;
  for (const QString& name : path) {
    const FlameNode& n = flame.nodes[node];
    std::uint32_t child = n.firstChild;
    while (child < n.firstChild + n.childCount && numbers::text(flame.name(child)) + QLatin1Char('\n') + numbers::text(flame.place(child)) != name) ++child;
    if (child == n.firstChild + n.childCount) break;
    node = child;
  }
  return node;
}

}  // namespace

QVariant FlameView::position() const {
  const FlameGraph* flame = canvas_->flame();
  if (state() != State::kData || flame == nullptr) return {};
  return QVariantList{weight_->currentIndex(), pathOf(*flame, canvas_->zoom()), canvas_->selected() ? QVariant(pathOf(*flame, *canvas_->selected())) : QVariant()};
}

void FlameView::restore(const QVariant& position) {
  const QVariantList parts = position.toList();
  if (parts.size() != 3) return;
  weight_->setCurrentIndex(parts[0].toInt());
  if (canvas_->flame() == nullptr || state() != State::kData) return;
  canvas_->zoomTo(nodeAt(*canvas_->flame(), parts[1].toStringList()));
  if (parts[2].isValid()) canvas_->select(nodeAt(*canvas_->flame(), parts[2].toStringList()));
}

void FlameView::focusSearch() {
  search_->setFocus(Qt::ShortcutFocusReason);
  search_->selectAll();
}

void FlameView::showWeight(int weight) {
  if (!answers_) return;
  const FlameGraph& flame = answers_->flames[static_cast<std::size_t>(weight)];
  canvas_->setFlame(&flame);
  const FlameNode& all = flame.nodes.front();
  QString text = flame.empty() ? tr("No %1 are known.").arg(QLatin1String(toText(flame.weight)))
                               : tr("%1 of %2, callers above callees.").arg(numbers::size(Bytes(all.total), flame.totalCertainty), QLatin1String(toText(flame.weight)));
  if (flame.withoutStack > 0)
    text += tr(" Of %1 (%2) no stack was sampled: only the site is known.").arg(numbers::size(Bytes(flame.withoutStack)), numbers::share(flame.withoutStack, all.total));
  if (!flame.note.empty()) text += QLatin1Char(' ') + numbers::text(flame.note);
  note_->setText(text);
  search();
  showPointed();
}

void FlameView::search() {
  canvas_->setSearch(search_->text());
  if (search_->text().trimmed().isEmpty() || canvas_->flame() == nullptr) return found_->clear();
  found_->setText(canvas_->matchedNames() == 0 ? tr("no function or file matches")
                                               : tr("%1, %2 of the width").arg(numbers::size(Bytes(canvas_->matchedBytes()), Certainty::kSampled),
                                                                              numbers::share(canvas_->matchedBytes(), canvas_->flame()->nodes.front().total)));
}

void FlameView::showPointed() {
  if (!answers_ || canvas_->flame() == nullptr) return;
  const auto node = canvas_->pointed();
  if (!node) return pointed_->setText(tr("Point at a box. A click zooms in, 0 shows all; arrows walk, Enter zooms, Backspace zooms out."));
  const FlameGraph& flame = *canvas_->flame();
  const FlameNode& n = flame.nodes[*node];
  const Certainty certainty = *node == FlameGraph::kRoot ? flame.totalCertainty : flame.splitCertainty;
  QString text = numbers::text(flame.name(*node));
  if (n.inlined) text += tr(" (inlined)");
  if (!flame.place(*node).empty()) text += tr(" · %1").arg(numbers::text(flame.place(*node)));
  text += tr(" · %1, %2 of all").arg(numbers::size(Bytes(n.total), certainty), numbers::share(n.total, flame.nodes.front().total));
  if (n.self > 0 && n.self != n.total) text += tr(" · %1 itself").arg(numbers::size(Bytes(n.self), certainty));
  if (n.objects > 0) text += tr(" · from %1").arg(numbers::counted(n.objects, tr("sample"), tr("samples")));
  pointed_->setText(text);
}

bool FlameView::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::KeyPress) {
    const auto* key = static_cast<QKeyEvent*>(event);
    if (watched == search_ && key->key() == Qt::Key_Escape && !search_->text().isEmpty()) {
      search_->clear();
      return true;
    }
    if (watched == canvas_ && key->text() == QLatin1String("/")) {
      focusSearch();
      return true;
    }
  }
  // What the keys selected comes into sight.
  if (watched == canvas_ && event->type() == QEvent::KeyRelease && canvas_->selected()) {
    const QRectF box = canvas_->rectOf(*canvas_->selected());
    if (!box.isEmpty()) scroll_->ensureVisible(static_cast<int>(box.left()), static_cast<int>(box.center().y()), 0, canvas_->rowHeight() * 2);
  }
  return View::eventFilter(watched, event);
}

}  // namespace openclaw::gui
