#include "analyzer/load/hprof/root_tags.h"

#include "analyzer/load/hprof/hprof_parser.h"

namespace openclaw::hprof {

bool belongsToThread(std::uint8_t tag) {
  return tag == kRootJniLocal || tag == kRootJavaFrame || tag == kRootNativeStack || tag == kRootThreadBlock ||
         tag == kRootThreadObject || tag == kRootJniMonitor;
}
RootKind kindOf(std::uint8_t tag) {
  switch (tag) {
    case kRootJniLocal: case kRootJavaFrame: case kRootNativeStack: case kRootThreadBlock: return RootKind::kStack;
    case kRootJniGlobal: case kRootJniMonitor: return RootKind::kHandle;
    case kRootInternedString: return RootKind::kGlobal;
    case kRootFinalizing: case kRootReferenceCleanup: return RootKind::kFinalizer;
    case kRootStickyClass: case kRootMonitorUsed: case kRootThreadObject: case kRootVmInternal: return RootKind::kRuntime;
    default: return RootKind::kOther;
  }
}
std::string_view nameOf(std::uint8_t tag) {
  switch (tag) {
    case kRootJniLocal: return "JNI local";
    case kRootJavaFrame: return "Java local";
    case kRootNativeStack: return "native stack";
    case kRootThreadBlock: return "thread block";
    case kRootJniGlobal: return "JNI global";
    case kRootJniMonitor: return "JNI monitor";
    case kRootInternedString: return "interned string";
    case kRootFinalizing: return "being finalized";
    case kRootReferenceCleanup: return "reference cleanup";
    case kRootStickyClass: return "system class";
    case kRootMonitorUsed: return "monitor in use";
    case kRootThreadObject: return "thread";
    case kRootVmInternal: return "virtual machine";
    case kRootDebugger: return "debugger";
    default: return "root of unknown kind";
  }
}
unsigned visualvmRank(std::uint8_t tag) { return tag == kRootUnknown ? 0 : tag; }

}  // namespace openclaw::hprof
