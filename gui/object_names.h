// What objects of a dump are called on the screen, the same in all views.
//
//   nameOf(s, object)   "Session", "java.lang.Class app.Cache", "(string) hello"
//   idOf(s, object)     "0x7f31c2004a80"; "@17" where ids are no addresses
#pragma once

#include <QString>

#include "analyzer/snapshot.h"

namespace openclaw::gui {

// The type, and what tells the object from others of it. Cost: up to a read of the file; for rows in sight, not for all.
QString nameOf(const Snapshot& snapshot, ObjectIndex object);
QString idOf(const Snapshot& snapshot, ObjectIndex object);
QString idOf(const Snapshot& snapshot, Address id);
// What idOf() is called: "Address", or "Id".
QString idWord(const Snapshot& snapshot);
// Behind a reference that does not keep its target alive, or may not: " (weak)", " (cache)"; else empty.
QString strengthMark(Strength strength);

}  // namespace openclaw::gui
