# control.capnp: what occtl and a process say to each other over the control socket. Each message is a 4-byte
# little-endian length, then one Cap'n Proto message in standard framing. One request a connection at a time; the
# answer is any number of progress replies, then exactly one other reply. Unknown requests get an error reply.
@0xb1f6a3d27c9e4058;

using Cxx = import "/capnp/c++.capnp";
using Heap = import "heap.capnp";
$Cxx.namespace("openclaw::schema");

struct SettingValue { group @0 :Text; name @1 :Text; value @2 :Text; }

struct ControlRequest {
  version @0 :UInt32 = 1;
  union {
    info @1 :Void;
    memoryShow @2 :Void;
    settingsShow @3 :Text;              # group, empty = all
    settingsSet @4 :List(SettingValue); # all or none: an invalid one changes nothing
    dump :group {                       # the output descriptor comes along (SCM_RIGHTS)
      collectFirst @5 :Bool;
      consistency @6 :Text;             # "", "clone", "stop-the-world"
    }
    gcRun @7 :Text;                     # cause, as it stands in the pause record
    gcLog @8 :UInt32;                   # newest records, 0 = all kept
    cancel @9 :Void;                    # of the dump under way, on a connection of its own or this one
  }
}

struct SettingRow {
  group @0 :Text;
  name @1 :Text;
  value @2 :Text;
  defaultValue @3 :Text;
  range @4 :Text;
  origin @5 :Text;
  effect @6 :Text;                      # "now", "next collection", "no effect yet"
  help @7 :Text;
}

struct ControlReply {
  union {
    info :group {
      pid @0 :UInt32;
      executable @1 :Text;
      version @2 :Text;
      formatVersion @3 :UInt32;
      startedUnix @4 :UInt64;
      committedBytes @5 :UInt64;
      objectBytes @6 :UInt64;
    }
    memory :group { counters @7 :List(Heap.Counter); arenas @8 :List(Heap.Arena); stopNanoseconds @19 :UInt64; }
    settings @9 :List(SettingRow);
    done @10 :Text;                     # what was done, one line
    dumpProgress :group { phase @11 :Text; objectsDone @12 :UInt64; objectsTotal @13 :UInt64; bytesWritten @14 :UInt64; }
    dumpDone :group { end @15 :Heap.End; consistency @16 :Text; stopNanoseconds @20 :UInt64; totalNanoseconds @21 :UInt64; note @22 :Text; }
    pauses @17 :Heap.Pauses;
    error @18 :Error;
  }
  struct Error { code @0 :UInt16; text @1 :Text; }   # ErrorCode of result.h
}
