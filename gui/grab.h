// Pictures of the views of a dump, without a person: opens the real window, waits for its jobs, writes DIR/VIEW.png.
//
//   return grabViews(window, "all", "pictures", "heap.bin").exitCode;
#pragma once

#include <string>
#include <vector>

#include <QSize>

#include "analyzer/views/scope.h"

namespace openclaw::gui {

class MainWindow;

inline constexpr int kPictureWidth = 1600, kPictureHeight = 1000;  // unless said

struct GrabResult {
  int exitCode = 0;                  // as DESIGN's table: 0, 2 (no such view), 3 (damaged), 5 (cannot write)
  std::vector<std::string> files;    // written
  std::string problem;               // empty when all is well; with exit code 3 and files: what the dump lost
};

// Needs a running QApplication; runs its events until the dump is loaded. Of `scope` only, when it says anything; code 2
// when it means nothing in the dump, or the policy is for another kind of dump.
GrabResult grabViews(MainWindow& window, const std::string& view, const std::string& folder, const std::string& dump, const ScopeWords& scope = {},
                     Policy policy = Policy::kStrict, QSize size = {kPictureWidth, kPictureHeight});

}  // namespace openclaw::gui
