# heap.capnp: what the frames of a heap.bin hold. FORMAT.md says how frames are laid out in the file and which
# frame kind holds which struct; this file and that page are enough to write a reader.
#
# Rules. Fields are only ever added. Columns of one struct have the same length unless a comment says that empty
# means "all zero". Indexes are zero-based over the whole dump. Times: "monotonic" is CLOCK_MONOTONIC of the dumped
# machine in ns, "unix" is ns since 1970-01-01 UTC. Sizes are bytes. A text that could not be had is empty.
@0xd3b7c1f0a4e25896;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("openclaw::schema");

struct Column {
  # 32-bit numbers, split so that zstd sees the halves apart: value[i] = low[i] + 65536 * high[i].
  low @0 :List(UInt16);
  high @1 :List(UInt16);   # empty = all zero
}

struct SparseValue {
  # One 64-bit value for one row of a frame.
  row @0 :UInt32;
  value @1 :UInt64;
}

enum Certainty { exact @0; lowerBound @1; interval @2; sampled @3; conservative @4; }

enum Strength { strong @0; weak @1; ephemeron @2; cache @3; conservative @4; }

enum Consistency { clone @0; stopTheWorld @1; barrier @2; offline @3; }

struct Process {
  pid @0 :UInt32;
  executable @1 :Text;
  commandLine @2 :List(Text);
  host @3 :Text;
  kernel @4 :Text;
  startedUnix @5 :UInt64;
  dumpedUnix @6 :UInt64;
  dumpedMonotonic @7 :UInt64;
  dumpId @8 :Data;              # 16 bytes, random; the same as in the file header
  previousDumpId @9 :Data;      # of the dump before in this process, or empty
  dumpNumber @10 :UInt32;       # 1 for the first dump of the process
  consistency @11 :Consistency;
  source @12 :Text;             # "openclaw-runtime", "native", "hprof", "v8"
  generator @13 :Text;          # program and version that wrote the file
  pageSize @14 :UInt32;
  granule @15 :UInt32;          # objects start at multiples of this (after subtracting objectOffset)
  requested @16 :Text;          # who asked: "control socket, uid 1000", "openclaw::dumpHeap", "signal"
  convertedFrom @17 :Text;      # empty, or the kind of the foreign dump that this was made of: "hprof", "v8"
  policy @18 :Text;             # of a converted dump: by whose rules strengths and sizes were stored, "strict", "visualvm", …
}

struct Module {
  path @0 :Text;
  buildId @1 :Data;
  base @2 :UInt64;              # load bias: address in memory = base + address in the file
  low @3 :UInt64;               # first and one past the last mapped address
  high @4 :UInt64;
}
struct Modules { modules @0 :List(Module); }

struct Field {
  name @0 :Text;
  offset @1 :UInt32;            # bytes from the object's address (in an element: from the element's start)
  strength @2 :Strength;
  targetType @3 :Text;          # declared type of what it points to, or empty
}
struct Type {
  name @0 :Text;
  size @1 :UInt32;              # bytes of the fixed part, as sizeof gives it
  fields @2 :List(Field);       # the pointer slots of the fixed part, ascending offsets
  elementSize @3 :UInt32;       # > 0: the object ends in an array of elements of this many bytes
  elementOffset @4 :UInt32;     # where the first element begins
  elementFields @5 :List(Field);
  hasDestructor @6 :Bool;
  pointerFree @7 :Bool;
  externalOffset @8 :Int32 = -1; # where the object keeps the number of external bytes it owns; -1 = it owns none
  module @9 :Text;
  isText @10 :Bool;             # the payload is text (shown in the inspector when contents are stored)
}
struct Types {
  first @0 :UInt32;             # index of types[0]
  types @1 :List(Type);
}

struct Site {
  file @0 :Text;
  line @1 :UInt32;
  column @2 :UInt32;
  function @3 :Text;
  allocatedObjects @4 :UInt64;  # since the process began; 0 with certainty lowerBound where nobody counted
  allocatedBytes @5 :UInt64;
  countsCertainty @6 :Certainty;
}
struct Sites {
  first @0 :UInt32;             # site 0 of a dump is "unknown"
  sites @1 :List(Site);
}

struct Arena {
  name @0 :Text;
  softLimit @1 :UInt64;         # its size as set; past it: collect, then take spare chunks
  committed @2 :UInt64;
  overflow @3 :UInt64;          # committed above softLimit
  objectBytes @4 :UInt64;
  objectCount @5 :UInt64;
  floatingBytes @6 :UInt64;
  holeBytes @7 :UInt64;
  emptyBlockBytes @8 :UInt64;
  tlabTailBytes @9 :UInt64;
  largeSlackBytes @10 :UInt64;
  metadataBytes @11 :UInt64;
  unusableHoleBytes @12 :UInt64; # in holes under 256 B, or skipped by the allocator since the last collection
  blocks @13 :UInt32;
  chunks @14 :UInt32;
}
struct Arenas { arenas @0 :List(Arena); }

enum RegionKind { block @0; largePages @1; hugeObject @2; freePages @3; other @4; }
enum RegionState { empty @0; swept @1; unswept @2; allocating @3; full @4; withheld @5; }

struct Regions {
  # Columns, one row a region, ascending by base. A region is a contiguous range: a block, one large object, or free pages.
  first @0 :UInt32;
  base @1 :List(UInt64);
  bytes @2 :List(UInt64);
  arena @3 :List(UInt16);
  kind @4 :List(RegionKind);
  state @5 :List(RegionState);
  firstObject @6 :List(UInt64);
  objectCount @7 :List(UInt32);
  objectBytes @8 :List(UInt64);
  floatingBytes @9 :List(UInt64);
  floatingCount @10 :List(UInt32);
  holeCount @11 :List(UInt32);
  holeBytes @12 :List(UInt64);      # objectBytes + floatingBytes + holeBytes + tlabTailBytes + slackBytes = bytes
  unusableHoleBytes @13 :List(UInt64);
  largestHole @14 :List(UInt64);
  tlabTailBytes @15 :List(UInt64);
  slackBytes @16 :List(UInt64);     # rounding of large objects to pages; all of an empty block
  lineBytes @17 :UInt32;            # bytes a bit of lineMap stands for, or 0
  lineMap @18 :Data;                # per region ceil(64 KiB / lineBytes / 8) bytes, bit set = line holds (part of) a live object; only for kind block
}

struct Floating {
  # Dead objects whose memory has not been swept yet, by type.
  types @0 :Column;
  objects @1 :List(UInt64);
  bytes @2 :List(UInt64);
}

struct Objects {
  firstIndex @0 :UInt64;
  count @1 :UInt32;
  firstAddress @2 :UInt64;
  gaps @3 :Column;              # address[i] = address[i-1] + size[i-1] + gap[i]; gap[0] = 0
  sizes @4 :Column;             # shallow size: the whole cell with header and rounding; 2^32-1 = see hugeSizes
  hugeSizes @5 :List(SparseValue);
  types @6 :Column;
  sites @7 :Column;             # bit 31 clear: site index; set: stack index in the lower bits. 0 = unknown
  referenceCounts @8 :Column;   # reference slots, null ones included
  ages @9 :Data;                # collections that traced the object, 7 = seven or more; empty = all 0
  flags @10 :Data;              # bit 0 pinned, 1 large, 2 has destructor, 3 under construction, 4 movable; empty = all 0
  external @11 :List(SparseValue); # bytes outside the heap that the object owns
  endAddress @12 :UInt64;       # address[count-1] + size[count-1]: a frame's range is known from its first bytes
  bounds @13 :List(SparseValue); # what the object promises to keep at most: bytes it retains; with bit 63, like objects
}

struct References {
  # The slots of consecutive objects, in the order of the type's fields, then of its elements.
  firstObject @0 :UInt64;       # source of the first slot here
  skippedSlots @1 :UInt64;      # slots of firstObject that earlier frames gave
  values @2 :Column;            # 0 = null, else zigzag(target index - source index) + 1, in 32 bits
  wide @3 :List(UInt64);        # the same in 64 bits; used in place of values when a dump has 2^31 - 1 objects or more
  labels @4 :Column;            # empty: slot n is the n-th declared field; else index into Labels (imports)
  strengths @5 :Data;           # empty: as the field is declared; else one Strength a slot
}

enum RootKind { stack @0; register @1; handle @2; global @3; threadLocal @4; finalizer @5; runtime @6; other @7; }

struct Roots {
  # Columns, one row a root.
  object @0 :List(UInt64);      # object index
  kind @1 :List(RootKind);
  conservative @2 :Data;        # 1 = maybe not a pointer; empty = all 0
  thread @3 :List(UInt32);      # thread number (Threads), 2^32-1 = none
  slot @4 :List(UInt64);        # address of the slot that holds the pointer, 0 = a register
  site @5 :List(UInt32);        # where the handle was made, 0 = unknown
  label @6 :List(UInt32);       # index into labels, 2^32-1 = none
  labels @7 :List(Text);
}

struct Thread {
  tid @0 :UInt32;
  name @1 :Text;
  stackLow @2 :UInt64;          # the range that was scanned
  stackHigh @3 :UInt64;
  state @4 :Text;               # "running", "blocked", "stopped by signal"
}
struct Threads { threads @0 :List(Thread); }

struct Stack {
  pcs @0 :List(UInt64);         # innermost first; return addresses, but the first
  site @1 :UInt32;
  allocatedObjects @2 :UInt64;  # estimates from samples
  allocatedBytes @3 :UInt64;
  freedObjects @4 :UInt64;
  freedBytes @5 :UInt64;
  samples @6 :UInt64;
  truncated @7 :Bool;
}
struct Stacks {
  first @0 :UInt32;
  meanInterval @1 :UInt64;      # bytes between samples when the dump was taken, 0 = off
  stacks @2 :List(Stack);
}

struct Phase { name @0 :Text; duration @1 :UInt64; }  # ns
struct Pause {
  number @0 :UInt64;            # 1 for the first of the process
  kind @1 :Text;                # "collect", "dump", "verify"
  cause @2 :Text;               # "allocation", "occtl gc run", "heap limit", "dump", "stress"
  startMonotonic @3 :UInt64;
  duration @4 :UInt64;          # mutators stopped: from the request to the restart
  phases @5 :List(Phase);       # sum = duration
  predicted @6 :UInt64;         # 0 = none
  threads @7 :UInt32;           # stopped
  signalled @8 :UInt32;         # of them by the signal
  slowestThread @9 :UInt32;     # tid of the last to stop
  objectsMarked @10 :UInt64;
  bytesMarked @11 :UInt64;
  rootsScanned @12 :UInt64;
  stackWords @13 :UInt64;
  committedBefore @14 :UInt64;
  allocatedSinceLast @15 :UInt64;
  minorFaults @16 :UInt64;      # of the collecting thread during the pause
  majorFaults @17 :UInt64;
  preemptions @18 :UInt64;
  runDelay @19 :UInt64;         # ns waiting for a processor
  throttled @20 :UInt64;        # cgroup throttling during the pause, ns
}
struct Pauses {
  total @0 :UInt64;             # of the process; older records than those here are gone
  pauses @1 :List(Pause);
}

struct Setting {
  name @0 :Text;
  value @1 :Text;               # exact text, as occtl accepts it
  defaultValue @2 :Text;
  origin @3 :Text;              # "default", "flag", "file", "control", "program"
}
struct SettingChange {
  unix @0 :UInt64;
  name @1 :Text;
  before @2 :Text;
  after @3 :Text;
  by @4 :Text;
}
struct Settings { settings @0 :List(Setting); changes @1 :List(SettingChange); }

struct Counter { name @0 :Text; value @1 :UInt64; }   # names, units and meaning: counters.def
struct Counters { counters @0 :List(Counter); }

struct Requests {
  # Which request allocated which address range, young objects only. Columns, ascending by low.
  low @0 :List(UInt64);
  high @1 :List(UInt64);
  request @2 :List(UInt64);
  monotonic @3 :List(UInt64);
  lost @4 :UInt64;
}

struct Labels { first @0 :UInt32; labels @1 :List(Text); }

struct Names {
  # What converted dumps know of single objects, from object `first` on.
  first @0 :UInt64;
  ids @1 :List(UInt64);         # empty, or the source's own number of each object, where its addresses are made up (V8)
  texts @2 :List(Text);         # empty, or a text for each, "" = none: a string's beginning, a function's name
}

struct CodeFrame { function @0 :Text; file @1 :Text; line @2 :UInt32; inlined @3 :Bool; }
struct Symbol {
  pc @0 :UInt64;                # as it stands in Stacks
  frames @1 :List(CodeFrame);   # innermost inlined frame first
  module @2 :UInt32;            # index into Modules, 2^32-1 = none
}
struct Symbols { symbols @0 :List(Symbol); symbolizer @1 :Text; }

struct IndexEntry {
  kind @0 :UInt16;
  sequence @1 :UInt32;
  offset @2 :UInt64;            # of the frame header in the file
  storedSize @3 :UInt32;
  rawSize @4 :UInt32;
  firstObject @5 :UInt64;       # objects and references only
  objectCount @6 :UInt64;
  lowAddress @7 :UInt64;        # objects only
  highAddress @8 :UInt64;
}
struct FileIndex { entries @0 :List(IndexEntry); }

struct Loss { name @0 :Text; count @1 :UInt64; }
struct Taken {
  # What taking the dump cost, known only after the program went on. Follows the end frame; may be missing.
  stopNanoseconds @0 :UInt64;   # how long the mutators were stopped
  totalNanoseconds @1 :UInt64;  # until the last frame was written
  note @2 :Text;                # why it fell back, what may grow; empty = nothing to say
}

struct End {
  # Ends the walk: everything but Taken, symbols and index stands before it. A file without it was cut.
  frames @0 :UInt32;
  objects @1 :UInt64;
  references @2 :UInt64;        # slots that are not null
  roots @3 :UInt64;
  regions @4 :UInt64;
  stopNanoseconds @5 :UInt64;   # as far as known when this was written; 0 = see Taken
  walkNanoseconds @6 :UInt64;
  losses @7 :List(Loss);
}
