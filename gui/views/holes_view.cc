#include "gui/views/holes_view.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QPushButton>
#include <QRegularExpression>
#include <QVBoxLayout>

#include "gui/numbers.h"
#include "gui/theme.h"
#include "gui/views/map_canvas.h"
#include "gui/views/scope_menu.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {

// What the colours of the map mean, in a line.
class MapLegend : public QWidget {
 public:
  using QWidget::QWidget;
  void setEntries(std::vector<MapCanvas::LegendEntry> entries) {
    entries_ = std::move(entries);
    // Without namespaces, which would take the room of the names.
    static const QRegularExpression kNamespace(QStringLiteral("\\b\\w+::"));
    for (auto& entry : entries_) entry.words.remove(kNamespace);
    QStringList words;
    for (const auto& entry : entries_) words.push_back(entry.words);
    setAccessibleDescription(words.join(QStringLiteral(", ")));
    update();
  }
  QSize sizeHint() const override { return {300, fontMetrics().height() + 4}; }
  QSize minimumSizeHint() const override { return {100, fontMetrics().height() + 4}; }

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    const int box = fontMetrics().height() - 3, gap = 14;
    // Long names share what room there is.
    int wanted = 0, fixed = 0;
    for (const auto& entry : entries_) {
      wanted += fontMetrics().horizontalAdvance(entry.words);
      fixed += box + 4 + gap;
    }
    const double squeeze = wanted > width() - fixed ? std::max(0.0, static_cast<double>(width() - fixed) / wanted) : 1;
    int x = 0;
    for (const auto& entry : entries_) {
      painter.fillRect(QRect(x, (height() - box) / 2, box, box), entry.color);
      painter.setPen(theme::colorsOf(palette()).line);
      painter.drawRect(QRect(x, (height() - box) / 2, box, box));
      x += box + 4;
      const int room = static_cast<int>(fontMetrics().horizontalAdvance(entry.words) * squeeze) + 2;
      painter.setPen(palette().color(QPalette::WindowText));
      painter.drawText(QRect(x, 0, room, height()), Qt::AlignVCenter | Qt::AlignLeft, fontMetrics().elidedText(entry.words, Qt::ElideMiddle, room));
      x += room + gap;
    }
  }

 private:
  std::vector<MapCanvas::LegendEntry> entries_;
};

namespace {

constexpr std::size_t kPinsShown = 6;

RowCell sizeCell(Bytes bytes) {
  return {.text = numbers::size(bytes), .raw = QVariant::fromValue<quint64>(bytes.value), .toolTip = QObject::tr("%1 bytes").arg(numbers::count(bytes.value))};
}
RowCell countCell(std::uint64_t count) { return {.text = numbers::count(count), .raw = QVariant::fromValue<quint64>(count)}; }

QString percent(double share) { return QString::number(share * 100, 'f', 1) + QStringLiteral(" %"); }

QString words(const RegionRow& row) {
  switch (row.kind) {
    case RegionKind::kBlock: return QObject::tr("block");
    default: return QObject::tr("large region");
  }
}

QLabel* makeLine(QWidget* parent, const char* name) {
  auto* label = new QLabel(parent);
  label->setObjectName(QLatin1String(name));
  label->setTextFormat(Qt::PlainText);
  label->setMinimumWidth(1);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  return label;
}

}  // namespace

HolesView::HolesView(QWidget* parent) : View(parent) {
  auto* content = new QWidget(this);
  verdict_ = makeLine(content, "holesVerdict");
  verdict_->setWordWrap(true);
  lens_ = new QComboBox(content);
  lens_->setObjectName(QStringLiteral("mapLens"));
  lens_->setAccessibleName(tr("Colours of the map"));
  lens_->addItems({tr("Colour: occupancy"), tr("Colour: age"), tr("Colour: type")});
  legend_ = new MapLegend(content);
  const auto makeButton = [&](const QString& text, const char* name) {
    auto* button = new QPushButton(text, content);
    button->setObjectName(QLatin1String(name));
    button->setAutoDefault(false);
    return button;
  };
  auto* closer = makeButton(tr("Closer (+)"), "mapCloser");
  auto* farther = makeButton(tr("Farther (−)"), "mapFarther");
  auto* whole = makeButton(tr("Whole heap (0)"), "mapWhole");
  map_ = new MapCanvas(content);
  map_->setObjectName(QStringLiteral("map"));
  map_->setAccessibleName(tr("Map of the heap's blocks"));
  pointed_ = makeLine(content, "mapPointed");
  pointed_->setWordWrap(true);
  pointed_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
  pointed_->setFixedHeight(2 * fontMetrics().lineSpacing() + 2);  // the map does not jump when a line becomes two
  pinsTitle_ = makeLine(content, "pinsTitle");
  QFont bold = pinsTitle_->font();
  bold.setBold(true);
  pinsTitle_->setFont(bold);
  const Qt::Alignment right = Qt::AlignRight;
  pins_ = new RowsTable({{tr("Type")},
                         {tr("Made at"), tr("The site that made these objects.")},
                         {tr("Owner"), tr("The deepest object that dominates most of them. Enter leads there.")},
                         {tr("Objects"), {}, right},
                         {tr("Waste"), tr("Holes beside them that nobody can use: under 256 B, or in mostly empty blocks. Half of a hole counts for the object on either side."), right},
                         {tr("Holes beside"), tr("All holes beside them in blocks that hold objects."), right}},
                        content);
  pins_->setObjectName(QStringLiteral("pins"));
  pins_->setAccessibleName(tr("What keeps holes open"));
  pins_->setStretched({0, 1, 2});

  auto* bar = new QHBoxLayout;
  bar->addWidget(lens_);
  bar->addStretch(1);
  bar->addWidget(farther);
  bar->addWidget(closer);
  bar->addWidget(whole);
  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(10, 10, 10, 8);
  layout->addWidget(verdict_);
  layout->addLayout(bar);
  layout->addWidget(legend_);
  layout->addWidget(map_, 1);
  layout->addWidget(pointed_);
  layout->addWidget(pinsTitle_);
  layout->addWidget(pins_);
  setContent(content);

  connect(lens_, &QComboBox::currentIndexChanged, this, [this](int index) {
    map_->setLens(static_cast<MapLens>(index));
    showLegend();
  });
  const auto middle = [this] { return QPointF(map_->width() / 2.0, map_->height() / 2.0); };
  connect(closer, &QPushButton::clicked, this, [this, middle] { map_->zoomBy(2, middle()); });
  connect(farther, &QPushButton::clicked, this, [this, middle] { map_->zoomBy(0.5, middle()); });
  connect(whole, &QPushButton::clicked, map_, &MapCanvas::fitAll);
  connect(map_, &MapCanvas::pointedAt, this, &HolesView::showPointed);
  connect(map_, &MapCanvas::menuWanted, this, [this](const MapCanvas::Spot& spot, QPoint at) {
    const std::uint16_t arena = answers_->fragmentation.regions[spot.region.value].arena;
    const ScopePart part = ScopePart::arena(arena);
    offerSpot(arena < answers_->snapshot->arenas().size() ? &part : nullptr, spot.object, at);
  });
  offerScope(*pins_, [this] { return answers_.get(); }, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
  connect(map_, &MapCanvas::objectSelected, this, &View::objectSelected);
  connect(map_, &MapCanvas::objectActivated, this, &View::objectActivated);
  connect(pins_, &RowsTable::objectActivated, this, &View::objectActivated);
  connect(pins_, &RowsTable::objectSelected, this, &View::objectSelected);
  showNoDump();
}

void HolesView::showAnswers(std::shared_ptr<const Answers> answers) {
  answers_ = std::move(answers);
  if (!answers_->fragmentation.known || answers_->fragmentation.regions.empty()) {
    map_->setAnswers(nullptr);
    showEmpty(tr("No regions"), answers_->readWhole()
                                    ? tr("This dump does not say how its heap lies in memory, so holes cannot be shown. Dumps of programs on the OpenClaw "
                                         "runtime do: occtl memory dump")
                                    : tr("The table of regions is not in the part of the dump that could be read; take the dump again."));
    return;
  }
  map_->setAnswers(answers_);
  showVerdict();
  showPins();
  showLegend();
  showPointed();
  showData();
}

void HolesView::showNoDump() {
  answers_.reset();
  map_->setAnswers(nullptr);
  showEmpty(tr("No dump is open"), tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"),
            tr("&Open a dump…"));
}

QWidget* HolesView::mainWidget() { return map_; }

QString HolesView::scopeNote() const {
  if (!answers_ || !answers_->scope) return {};
  const ScopeInRegions& in = answers_->inRegions;
  QString text = tr("In %1").arg(numbers::counted(in.blocks, tr("block"), tr("blocks")));
  if (in.blocksAlone > 0) text += tr(", %1 of them with nothing else (%2 free in those)").arg(numbers::count(in.blocksAlone), numbers::size(in.holesAlone));
  return text + tr(". Other objects are dimmed; holes and what keeps them open are of the whole heap.");
}

// Of a place without an object only the arena can be said.
void HolesView::offerSpot(const ScopePart* arena, ObjectIndex object, QPoint at) {
  std::vector<ScopePart> parts;
  if (object) parts = scopePartsOf(*answers_, object);
  else if (arena != nullptr) parts = {*arena};
  if (parts.empty()) return;
  auto* menu = new QMenu(this);
  menu->setAttribute(Qt::WA_DeleteOnClose);
  addScopeActions(*menu, *answers_, parts, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
  menu->popup(at);
}

bool HolesView::settled() const { return state() != State::kData || map_->settled(); }

void HolesView::announceSelection() {
  if (const auto& cursor = map_->cursor(); cursor && cursor->object) Q_EMIT objectSelected(cursor->object.value);
}

bool HolesView::reveal(ObjectIndex object) {
  if (!answers_) return false;
  // Where the cursor is already, nothing needs to move.
  return (map_->cursor() && map_->cursor()->object == object) || map_->reveal(object);
}

QVariant HolesView::position() const {
  if (state() != State::kData) return {};
  const MapCanvas::Sight sight = map_->sight();
  return QVariantList{lens_->currentIndex(), sight.blockPixels, sight.origin, sight.whole};
}

void HolesView::restore(const QVariant& position) {
  const QVariantList parts = position.toList();
  if (parts.size() != 4) return;
  lens_->setCurrentIndex(parts[0].toInt());
  map_->setSight({parts[1].toDouble(), parts[2].toPointF(), parts[3].toBool()});
}

void HolesView::changeEvent(QEvent* event) {
  View::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && answers_) showLegend();
}

void HolesView::showVerdict() {
  const FragmentationView& view = answers_->fragmentation;
  const ArenaFragmentation& all = view.total;
  QString text = tr("%1 of %2 committed is in holes that allocation cannot use; %3 is free in blocks that hold objects. %4 of %5 in use are mostly empty.")
                     .arg(percent(all.fragmentation), numbers::size(all.committed), percent(all.locked), numbers::count(all.mostlyEmptyBlocks),
                          numbers::counted(all.blocks - all.emptyBlocks, tr("block"), tr("blocks")));
  const DefragmentationEstimate& back = view.defragmentation;
  if (back.candidateBlocks > 0)
    text += tr(" A defragmentation would give back %1, moving %2.")
                .arg(back.low == back.high ? numbers::size(back.low) : tr("%1 to %2").arg(numbers::size(back.low), numbers::size(back.high)),
                     numbers::size(back.movedBytes));
  else if (all.mostlyEmptyBlocks == 0) text += tr(" A defragmentation would empty no block.");
  else text += tr(" A defragmentation would give nothing back: what is mostly empty is pinned.");
  verdict_->setText(text);
  verdict_->setToolTip(numbers::text(back.because));
}

void HolesView::showPins() {
  const Snapshot& s = *answers_->snapshot;
  const FragmentationView& view = answers_->fragmentation;
  std::vector<Row> rows;
  for (const PinGroup& pin : view.pins) {
    if (rows.size() == kPinsShown) break;
    const std::string site = siteText(s, pin.site);
    RowCell owner{.text = pin.unreachableObjects == pin.objects ? tr("nothing: garbage") : tr("no single one")};
    if (pin.owner) owner = {.text = numbers::text(s.types()[s.type(*pin.owner)].name), .toolTip = numbers::address(s.address(*pin.owner))};
    rows.push_back({.cells = {{.text = numbers::text(s.types()[pin.type].name)}, {.text = site.empty() ? numbers::unknown() : numbers::text(site)}, owner,
                              countCell(pin.objects), sizeCell(pin.wasteBytes), sizeCell(pin.lockedBytes)},
                    .object = pin.owner.value_or(ObjectIndex::none()), .type = pin.type, .site = pin.site.value != 0 ? pin.site : SiteIndex::none()});
  }
  pinsTitle_->setText(rows.empty()                        ? tr("No hole stands beside an object")
                      : view.pins.size() > rows.size()    ? tr("What keeps holes open: the first %1 groups").arg(numbers::count(rows.size()))
                                                          : tr("What keeps holes open"));
  pins_->setVisible(!rows.empty());
  pins_->setRows(std::move(rows));
}

void HolesView::showLegend() { legend_->setEntries(map_->legend()); }

void HolesView::showPointed() {
  if (!answers_) return;
  const auto spot = map_->pointed();
  if (!spot) {
    pointed_->setText(tr("Point at a block or an object. Wheel, + and − zoom; drag or Shift+arrows move; arrows walk; Enter shows the owner."));
    return;
  }
  const Snapshot& s = *answers_->snapshot;
  const RegionRow& row = answers_->fragmentation.regions[spot->region.value];
  QStringList parts;
  if (spot->object) {
    const ObjectIndex object = spot->object;
    QString what = tr("%1  %2 · %3").arg(numbers::address(s.address(object)), numbers::text(s.types()[s.type(object)].name), numbers::size(s.size(object)));
    if (const std::string site = siteText(s, s.site(object)); !site.empty()) what += tr(" · made at %1").arg(numbers::text(site));
    if (answers_->agesKnown) what += tr(" · age %1").arg(numbers::age(s.age(object)));
    if (!s.reachable(object)) what += tr(" · unreachable");
    parts.push_back(what);
  } else {
    parts.push_back(tr("%1  no live object").arg(numbers::address(spot->address)));
  }
  QString region = tr("%1 %2, %3 filled, %4").arg(words(row), numbers::address(row.base), percent(row.occupancy()),
                                                 numbers::counted(row.objects, tr("object"), tr("objects")));
  if (row.holeBytes.value > 0) region += tr(", %1 in holes").arg(numbers::size(row.holeBytes));
  if (row.pinned) region += tr(", pinned");
  if (row.mostlyEmpty) region += tr(", mostly empty");
  if (row.arena < s.arenas().size()) region += tr(", arena %1").arg(numbers::text(s.arenas()[row.arena].ownedName));
  parts.push_back(region);
  pointed_->setText(parts.join(QStringLiteral("   |   ")));
}

}  // namespace openclaw::gui
