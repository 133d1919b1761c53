#include "analyzer/validation.h"

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/report/numbers.h"
#include "format/frame.h"

namespace openclaw {
namespace {

// What the frames of a dump say of each other: checked while they are read, named in LoadReport.
constexpr Invariant kDumpInvariants[] = {
    {"object-order", "Frames of objects go on in numbers and addresses where those before them ended.", "dump", true},
    {"reference-order", "No frame gives references that another one gave.", "dump", true},
    {"object-numbers", "Objects are numbered without gaps, from 0.", "dump", true},
    {"object-type", "The type of every object is in the table of types.", "dump", false},
    {"object-site", "The site or stack of every object is in its table.", "dump", false},
    {"reference-slots", "Every object has as many references as its row says.", "dump", true},
    {"edge-target", "Every reference leads to an object.", "dump", false},
    {"root-target", "Every root leads to an object.", "dump", false},
    {"root-site", "The site of every root is in the table of sites.", "dump", false},
    {"stack-site", "The site of every stack is in the table of sites.", "dump", false},
    {"floating-type", "The type of dead objects is in the table of types.", "dump", false},
    {"table-numbers", "Rows of tables are numbered on from those that are there.", "dump", false},
    {"end-counts", "Objects, references, roots and regions are as many as the end frame says.", "dump", false},
};
constexpr Invariant kBooks[] = {
    {"counters-agree", "The process's counters are what the dump's own tables add up to.", "books", false},
    {"ledger-adds-up", "Objects, garbage, holes, slack and metadata add up to the committed bytes.", "books", false},
};

BrokenInvariant brokenBy(const FileFault& fault) {
  BrokenInvariant broken;
  broken.name = fault.name;
  broken.times = fault.times;
  if (fault.sequence) broken.detail = fmt::format("frame {} at byte {}: ", *fault.sequence, fault.offset);
  else if (!fault.object) broken.detail = fault.offset != 0 ? fmt::format("at byte {}: ", fault.offset) : std::string();
  if (fault.object) broken.detail += fmt::format("object {}: ", *fault.object);
  broken.detail += fault.detail;
  if (fault.times > 1) broken.detail += fmt::format(" (and {} more)", withSeparators(fault.times - 1));
  broken.frame = fault.sequence;
  if (fault.sequence || !fault.object) broken.offset = fault.offset;
  broken.object = fault.object;
  return broken;
}

}  // namespace

std::vector<Invariant> allInvariants() {
  std::vector<Invariant> all;
  for (const FileInvariant& file : fileInvariants()) all.push_back({file.name, file.sentence, "file", file.loss});
  all.insert(all.end(), std::begin(kDumpInvariants), std::end(kDumpInvariants));
  for (const InvariantText& text : verifiedInvariantTexts()) all.push_back({text.name, text.sentence, "snapshot", false});
  all.insert(all.end(), std::begin(kBooks), std::end(kBooks));
  return all;
}

Validation computeValidation(const Snapshot& snapshot, std::stop_token stop) {
  Validation validation;
  const LoadReport& report = snapshot.report();
  const ReadReport& file = report.file;
  for (const FileFault& fault : file.faults) {
    const bool copies = fault.name == "frame-duplicate" || fault.name == "file-index";
    (copies ? validation.broken : validation.lost).push_back(brokenBy(fault));
  }
  for (const FileFault& fault : report.contradictions) validation.broken.push_back(brokenBy(fault));
  for (BrokenInvariant& broken : verify(snapshot, stop)) validation.broken.push_back(std::move(broken));

  const auto missing = [&](bool there, std::string sentence) {
    if (there) validation.missing.push_back(std::move(sentence));
  };
  missing(file.bytesRead < file.fileBytes,
          fmt::format("file.bytes: {} of {} bytes belong to nothing readable",
                      withSeparators(file.fileBytes - std::min(file.bytesRead, file.fileBytes)), withSeparators(file.fileBytes)));
  missing(report.objectsMissing != 0,
          fmt::format("dump.objects: {} announced and not read", counted(report.objectsMissing, "object", "objects")));
  missing(report.referencesMissing != 0,
          fmt::format("dump.references: {} without references", counted(report.referencesMissing, "object", "objects")));
  missing(report.lossesWhileLoading != 0 && report.contradictions.empty(),
          fmt::format("dump.rows: {} that lead nowhere, or were announced and are not there",
                      counted(report.lossesWhileLoading, "row", "rows")));
  if (file.unknownFrames != 0)
    validation.notes.push_back(fmt::format("{} of kinds that this version does not know", counted(file.unknownFrames, "frame", "frames")));
  if (file.minorVersion > kFormatMinor)
    validation.notes.push_back(fmt::format("written as version {}.{}; this program knows {}.{}", kFormatVersion, file.minorVersion,
                                           kFormatVersion, kFormatMinor));

  validation.ledger = computeLedger(snapshot);
  const Ledger& ledger = validation.ledger;
  if (!file.complete())
    for (const Invariant& invariant : kDumpInvariants)
      if (std::none_of(validation.lost.begin(), validation.lost.end(), [&](auto& b) { return b.name == invariant.name; }))
        validation.notChecked.push_back(invariant.name);
  if (!report.complete()) validation.notChecked.push_back("regions-hold-their-objects");
  if (!file.complete() || report.objectsMissing != 0 || report.lossesWhileLoading != 0) {
    // Books cannot balance where entries are missing.
    for (const Invariant& invariant : kBooks) validation.notChecked.push_back(invariant.name);
    return validation;
  }
  if (!ledger.disagreements.empty())
    validation.broken.push_back({"counters-agree", fmt::format("{}", fmt::join(ledger.disagreements, "; ")), ledger.disagreements.size()});
  if (ledger.known && ledger.unexplained != 0)
    validation.broken.push_back({"ledger-adds-up",
                                 fmt::format("{} B of {} B committed", ledger.unexplained, withSeparators(ledger.committed.value)), 1});
  return validation;
}

}  // namespace openclaw
