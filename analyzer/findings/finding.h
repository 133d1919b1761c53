// A finding: one thing that is wrong (or worth knowing) in a dump, as a sentence with its evidence. The same
// text in the terminal, the window, reports and CI. Rules read neither type nor function names.
//
//   for (const Finding& f : computeFindings(snapshot).findings) print(f);
#pragma once

#include <string>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

enum class Severity { kNote, kWarning, kCritical };

// A number with its unit and how sure it is.
struct EvidenceNumber {
  std::string name;  // "retained size"
  double value = 0;
  std::string unit;  // "bytes", "objects", "ns", "ratio"
  Certainty certainty = Certainty::kExact;
};
struct EvidenceObject {
  ObjectIndex object;
  std::string role;  // "accumulation point", "owner"
};
// One step of an owner path, root first: the label of the slot that leads to the object.
struct OwnerStep {
  std::string label;
  ObjectIndex object;  // none for the root itself
};

struct Finding {
  std::string id;  // stable: "loss.incomplete-file", "ledger.does-not-add-up", "garbage.uncollected"
  Severity severity = Severity::kNote;
  std::string verdict;  // one sentence with numbers
  std::vector<EvidenceNumber> numbers;
  std::vector<EvidenceObject> objects;
  std::vector<StackIndex> stacks;
  std::vector<SiteIndex> sites;
  std::vector<OwnerStep> ownerPath;
  double confidence = 0;  // 0..1
  std::string because;    // why so sure
  std::string next;       // an exact command, or where in the code
};

struct Findings {
  std::vector<Finding> findings;            // most severe first, then by bytes
  std::vector<std::string> checkedAndFine;  // ids of rules that found nothing
  std::vector<std::string> notChecked;      // ids of rules that this dump cannot answer: no ages, no regions, parts missing
};

Findings computeFindings(const Snapshot& snapshot);
const char* toText(Severity severity);

}  // namespace openclaw
