#include "gui/whereabouts.h"

#include "analyzer/report/numbers.h"

namespace openclaw::gui {
namespace {

bool sameSite(const SiteInfo& site, const PartName& name) { return site.function == name.name && site.file == name.file && site.line == name.line; }

// How many rows before `at` are the same.
template <class Same>
std::uint32_t ordinalOf(std::uint32_t at, Same same) {
  std::uint32_t ordinal = 0;
  for (std::uint32_t i = 0; i < at; ++i) ordinal += same(i);
  return ordinal;
}

template <class Same>
std::optional<std::uint32_t> rowNamed(std::size_t rows, std::uint32_t ordinal, Same same) {
  for (std::uint32_t i = 0; i < rows; ++i)
    if (same(i) && ordinal-- == 0) return i;
  return std::nullopt;
}

ObjectName nameOf(const Snapshot& s, ObjectIndex object) { return {s.address(object), typeText(s, s.type(object))}; }

std::optional<ObjectIndex> objectNamed(const Snapshot& s, const ObjectName& name) {
  const auto object = s.objectAt(name.address);
  if (!object || s.address(*object) != name.address || typeText(s, s.type(*object)) != name.type) return std::nullopt;
  return object;
}

PartName nameOf(const Snapshot& s, const ScopePart& part) {
  PartName name;
  name.part = part;
  name.label = labelOf(s, part);
  switch (part.kind) {
    case ScopeKind::kType:
      name.name = s.types()[TypeIndex(part.value)].name;
      name.ordinal = ordinalOf(part.value, [&](std::uint32_t i) { return s.types()[TypeIndex(i)].name == name.name; });
      break;
    case ScopeKind::kSite: {
      const SiteInfo& site = s.sites()[SiteIndex(part.value)];
      name.name = site.function;
      name.file = site.file;
      name.line = site.line;
      name.ordinal = ordinalOf(part.value, [&](std::uint32_t i) { return sameSite(s.sites()[SiteIndex(i)], name); });
      break;
    }
    case ScopeKind::kArena:
      if (part.value >= s.arenas().size()) break;  // a region may name an arena that the table lost
      name.name = s.arenas()[part.value].ownedName;
      name.ordinal = ordinalOf(part.value, [&](std::uint32_t i) { return s.arenas()[i].ownedName == name.name; });
      break;
    case ScopeKind::kAge: break;
    case ScopeKind::kRetainedBy: name.owner = nameOf(s, ObjectIndex(part.value)); break;
  }
  return name;
}

std::optional<ScopePart> partNamed(const Snapshot& s, const PartName& name) {
  const auto in = [&](std::size_t rows, auto same) -> std::optional<ScopePart> {
    const auto row = rowNamed(rows, name.ordinal, same);
    if (!row) return std::nullopt;
    return ScopePart{name.part.kind, *row, 0};
  };
  switch (name.part.kind) {
    case ScopeKind::kType: return in(s.types().size(), [&](std::uint32_t i) { return s.types()[TypeIndex(i)].name == name.name; });
    case ScopeKind::kSite: return in(s.sites().size(), [&](std::uint32_t i) { return sameSite(s.sites()[SiteIndex(i)], name); });
    case ScopeKind::kArena: return in(s.arenas().size(), [&](std::uint32_t i) { return s.arenas()[i].ownedName == name.name; });
    case ScopeKind::kAge: return name.part;
    case ScopeKind::kRetainedBy: {
      const auto owner = objectNamed(s, *name.owner);
      // What nothing keeps alive retains nothing: such a scope would be empty without a reason to be seen.
      if (!owner || !s.reachable(*owner)) return std::nullopt;
      return ScopePart::retainedBy(*owner);
    }
  }
  return std::nullopt;
}

}  // namespace

Whereabouts nameOf(const Snapshot& snapshot, const Scope& scope, ObjectIndex object) {
  Whereabouts left;
  for (const ScopePart& part : scope.parts) left.parts.push_back(nameOf(snapshot, part));
  if (object && object.value < snapshot.objectCount()) {
    left.object = nameOf(snapshot, object);
    left.objectLabel = left.object->type + ' ' + idText(snapshot, object);
  }
  return left;
}

FoundAgain findAgain(const Snapshot& snapshot, const Whereabouts& left) {
  FoundAgain found;
  for (const PartName& name : left.parts) {
    if (const auto part = partNamed(snapshot, name)) found.scope.parts.push_back(*part);
    else found.gone.push_back(name.label);
  }
  if (left.object) {
    if (const auto object = objectNamed(snapshot, *left.object)) found.object = *object;
    else found.objectGone = true;
  }
  return found;
}

}  // namespace openclaw::gui
