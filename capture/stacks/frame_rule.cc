#include "capture/stacks/frame_rule.h"

#include <cstddef>
#include <cstring>

namespace openclaw::internal {
namespace {

enum Register : std::uint64_t { kRbp = 6, kRsp = 7, kReturnAddress = 16 };

// DW_OP_breg0 + register, DW_OP_deref: all that the expressions understood here are made of.
constexpr std::uint8_t kOpRegisterPlus = 0x70, kOpDereference = 0x06;

// Where a caller's register is.
struct Place {
  enum Kind : std::uint8_t { kUntouched, kUndefined, kAtCfa, kAtRsp, kAtRbp, kElsewhere } kind = kUntouched;
  std::int64_t offset = 0;
};

struct Row {
  enum Cfa : std::uint8_t { kRegister, kAtRsp, kAtRbp, kElsewhere } cfa = kElsewhere;   // kAt..: the word at register + offset
  std::uint64_t cfaRegister = 0;
  std::int64_t cfaOffset = 0;
  Place rbp, rsp, returnAddress;

  Place* placeOf(std::uint64_t number) {
    return number == kRbp ? &rbp : number == kRsp ? &rsp : number == kReturnAddress ? &returnAddress : nullptr;
  }
};

// Reads what the tables are made of; past the end everything is 0 and ok() says so.
class Bytes {
 public:
  Bytes(const std::uint8_t* at, const std::uint8_t* end) : at_(at), end_(end) {}
  bool ok() const { return ok_; }
  bool atEnd() const { return at_ >= end_; }
  const std::uint8_t* position() const { return at_; }

  template <class T>
  T fixed() {
    T value{};
    if (static_cast<std::size_t>(end_ - at_) < sizeof value) return ok_ = false, at_ = end_, value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::uint64_t uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = fixed<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
  }
  std::int64_t sleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;;) {
      const auto byte = fixed<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fu} << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift < 64) value |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(value);
    }
  }
  void skip(std::uint64_t count) {
    if (count > static_cast<std::uint64_t>(end_ - at_)) ok_ = false, at_ = end_;
    else at_ += count;
  }
  // A block with its length before it.
  Bytes block() {
    const std::uint64_t length = uleb();
    const std::uint8_t* start = at_;
    skip(length);
    return {start, at_};
  }
  void skipPointer(std::uint8_t encoding) {
    switch (encoding & 0x0f) {
      case 0x00: case 0x04: case 0x0c: skip(8); break;
      case 0x02: case 0x0a: skip(2); break;
      case 0x03: case 0x0b: skip(4); break;
      case 0x01: uleb(); break;
      case 0x09: sleb(); break;
      default: ok_ = false;
    }
  }

 private:
  const std::uint8_t *at_, *end_;
  bool ok_ = true;
};

struct Cie {
  std::uint64_t codeAlign = 1;
  std::int64_t dataAlign = 1;
  std::uint8_t pointerEncoding = 0;
  bool hasAugmentationData = false, isSignal = false;
  Bytes instructions{nullptr, nullptr};
};

bool readCie(const std::uint8_t* at, Cie& cie) {
  std::uint32_t length;
  std::memcpy(&length, at, 4);
  if (length == 0 || length == 0xffff'ffffu) return false;
  Bytes bytes(at + 4, at + 4 + length);
  if (bytes.fixed<std::uint32_t>() != 0) return false;
  const auto version = bytes.fixed<std::uint8_t>();
  if (version != 1 && version != 3) return false;
  const std::uint8_t* augmentation = bytes.position();
  while (bytes.ok() && bytes.fixed<std::uint8_t>() != 0) {}
  if (!bytes.ok()) return false;
  cie.codeAlign = bytes.uleb();
  cie.dataAlign = bytes.sleb();
  if ((version == 1 ? bytes.fixed<std::uint8_t>() : bytes.uleb()) != kReturnAddress) return false;
  if (*augmentation == 'z') {
    cie.hasAugmentationData = true;
    Bytes data = bytes.block();
    for (++augmentation; *augmentation != 0; ++augmentation) switch (*augmentation) {
      case 'R': cie.pointerEncoding = data.fixed<std::uint8_t>(); break;
      case 'L': data.fixed<std::uint8_t>(); break;
      case 'P': data.skipPointer(data.fixed<std::uint8_t>()); break;
      case 'S': cie.isSignal = true; break;
      case 'B': break;
      default: return false;
    }
    if (!data.ok()) return false;
  } else if (*augmentation != 0) {
    return false;
  }
  cie.instructions = Bytes(bytes.position(), at + 4 + length);
  return bytes.ok();
}

// rsp + n or rbp + n: the whole expression, followed by a dereference or not.
Place registerPlus(Bytes expression, bool dereferenced) {
  const auto op = expression.fixed<std::uint8_t>();
  const std::int64_t offset = expression.sleb();
  if (dereferenced && expression.fixed<std::uint8_t>() != kOpDereference) return {Place::kElsewhere, 0};
  if (!expression.ok() || !expression.atEnd()) return {Place::kElsewhere, 0};
  if (op == kOpRegisterPlus + kRsp) return {Place::kAtRsp, offset};
  if (op == kOpRegisterPlus + kRbp) return {Place::kAtRbp, offset};
  return {Place::kElsewhere, 0};
}

// Runs instructions while the row's code begins at or before `offset` (bytes into the function). False: something that
// is not understood.
bool run(const Cie& cie, Bytes bytes, std::uint64_t offset, const Row& initial, Row& row) {
  constexpr std::size_t kMostRemembered = 8;
  Row remembered[kMostRemembered];
  std::size_t depth = 0;
  std::uint64_t location = 0;
  const auto scaled = [&](std::uint64_t factored) { return static_cast<std::int64_t>(factored) * cie.dataAlign; };
  const auto put = [&](std::uint64_t number, Place place) {
    if (Place* at = row.placeOf(number)) *at = place;
  };
  const auto restore = [&](std::uint64_t number) {
    Row before = initial;
    if (const Place* at = before.placeOf(number)) *row.placeOf(number) = *at;
  };
  const auto define = [&](std::uint64_t number, std::int64_t at) {
    row.cfa = Row::kRegister;
    row.cfaRegister = number;
    row.cfaOffset = at;
  };
  while (!bytes.atEnd()) {
    const auto op = bytes.fixed<std::uint8_t>();
    std::uint64_t advance = 0;
    std::uint64_t number = op & 0x3fu;
    switch (op & 0xc0) {
      case 0x40: advance = number; break;                                             // DW_CFA_advance_loc
      case 0x80: put(number, {Place::kAtCfa, scaled(bytes.uleb())}); continue;        // DW_CFA_offset
      case 0xc0: restore(number); continue;                                           // DW_CFA_restore
      default: switch (op) {
        case 0x00: continue;                                                          // DW_CFA_nop
        case 0x02: advance = bytes.fixed<std::uint8_t>(); break;                      // DW_CFA_advance_loc1
        case 0x03: advance = bytes.fixed<std::uint16_t>(); break;
        case 0x04: advance = bytes.fixed<std::uint32_t>(); break;
        case 0x05: number = bytes.uleb(); put(number, {Place::kAtCfa, scaled(bytes.uleb())}); continue;   // offset_extended
        case 0x06: restore(bytes.uleb()); continue;                                   // DW_CFA_restore_extended
        case 0x07: put(bytes.uleb(), {Place::kUndefined, 0}); continue;               // DW_CFA_undefined
        case 0x08: put(bytes.uleb(), {Place::kUntouched, 0}); continue;               // DW_CFA_same_value
        case 0x09: number = bytes.uleb(); bytes.uleb(); put(number, {Place::kElsewhere, 0}); continue;    // DW_CFA_register
        case 0x0a:                                                                    // DW_CFA_remember_state
          if (depth == kMostRemembered) return false;
          remembered[depth++] = row;
          continue;
        case 0x0b:                                                                    // DW_CFA_restore_state
          if (depth == 0) return false;
          row = remembered[--depth];
          continue;
        case 0x0c: number = bytes.uleb(); define(number, static_cast<std::int64_t>(bytes.uleb())); continue;   // def_cfa
        case 0x0d: row.cfaRegister = bytes.uleb(); continue;                          // DW_CFA_def_cfa_register
        case 0x0e: row.cfaOffset = static_cast<std::int64_t>(bytes.uleb()); continue; // DW_CFA_def_cfa_offset
        case 0x0f: {                                                                  // DW_CFA_def_cfa_expression
          const Place place = registerPlus(bytes.block(), true);
          row.cfa = place.kind == Place::kAtRsp ? Row::kAtRsp : place.kind == Place::kAtRbp ? Row::kAtRbp : Row::kElsewhere;
          row.cfaOffset = place.offset;
          continue;
        }
        case 0x10: number = bytes.uleb(); put(number, registerPlus(bytes.block(), false)); continue;      // DW_CFA_expression
        case 0x11: number = bytes.uleb(); put(number, {Place::kAtCfa, bytes.sleb() * cie.dataAlign}); continue;
        case 0x12: number = bytes.uleb(); define(number, bytes.sleb() * cie.dataAlign); continue;         // def_cfa_sf
        case 0x13: row.cfaOffset = bytes.sleb() * cie.dataAlign; continue;            // DW_CFA_def_cfa_offset_sf
        case 0x14: number = bytes.uleb(); bytes.uleb(); put(number, {Place::kElsewhere, 0}); continue;    // val_offset
        case 0x15: number = bytes.uleb(); bytes.sleb(); put(number, {Place::kElsewhere, 0}); continue;
        case 0x16: number = bytes.uleb(); bytes.block(); put(number, {Place::kElsewhere, 0}); continue;   // val_expression
        case 0x2e: bytes.uleb(); continue;                                            // DW_CFA_GNU_args_size
        default: return false;
      }
    }
    location += advance * cie.codeAlign;
    if (location > offset) break;
  }
  return bytes.ok();
}

}  // namespace

FrameRule FrameRule::make(Shape shape, std::int64_t cfaOffset, std::int64_t rbpOffset) noexcept {
  const auto fits = [](std::int64_t bytes, unsigned bits) {
    const std::int64_t words = bytes / 8, limit = std::int64_t{1} << (bits - 1);
    return bytes % 8 == 0 && words >= -limit && words < limit;
  };
  if (!fits(cfaOffset, 20) || !fits(rbpOffset, 8)) return FrameRule(static_cast<std::uint64_t>(Shape::kStep));
  const auto bits = [](std::int64_t bytes, unsigned count) { return static_cast<std::uint64_t>(bytes / 8) & ((1ull << count) - 1); };
  return FrameRule(static_cast<std::uint64_t>(shape) | bits(cfaOffset, 20) << 28 | bits(rbpOffset, 8) << 48);
}

FrameRule frameRule(const std::uint8_t* fde, std::uintptr_t functionStart, std::uintptr_t address) noexcept {
  using Shape = FrameRule::Shape;
  const FrameRule step = FrameRule::make(Shape::kStep);
  std::uint32_t length, back;
  std::memcpy(&length, fde, 4);
  std::memcpy(&back, fde + 4, 4);
  if (length < 4 || length == 0xffff'ffffu || back == 0 || address < functionStart) return step;
  Cie cie;
  if (!readCie(fde + 4 - back, cie)) return step;
  Bytes bytes(fde + 8, fde + 4 + length);
  bytes.skipPointer(cie.pointerEncoding);          // where the function begins, and how long it is
  bytes.skipPointer(cie.pointerEncoding & 0x0f);
  if (cie.hasAugmentationData) bytes.block();
  if (!bytes.ok()) return step;

  Row initial;
  if (!run(cie, cie.instructions, ~std::uint64_t{0}, Row{}, initial)) return step;
  Row row = initial;
  if (!run(cie, bytes, address - functionStart, initial, row)) return step;

  if (row.returnAddress.kind == Place::kUndefined) return FrameRule::make(Shape::kEnd);
  if (cie.isSignal) {
    // The kernel's frame: all registers stand in one block over rsp, the caller's rsp among them.
    const auto at = [](Place place, std::int64_t offset) { return place.kind == Place::kAtRsp && place.offset == offset; };
    const bool known = row.cfa == Row::kAtRsp && row.cfaOffset == kSignalRsp && at(row.rbp, kSignalRbp) && at(row.returnAddress, kSignalRip) &&
                       (row.rsp.kind == Place::kUntouched || at(row.rsp, kSignalRsp));
    return known ? FrameRule::make(Shape::kSignal) : step;
  }
  if (row.returnAddress.kind != Place::kAtCfa || row.returnAddress.offset != -8 || row.rsp.kind != Place::kUntouched) return step;
  if (row.cfa == Row::kAtRbp)
    return row.rbp.kind == Place::kAtRbp ? FrameRule::make(Shape::kRealigned, row.cfaOffset, row.rbp.offset) : step;
  if (row.cfa != Row::kRegister || (row.cfaRegister != kRsp && row.cfaRegister != kRbp)) return step;
  // At CFA itself lies the caller's own; only an untouched rbp has offset 0.
  if (row.rbp.kind != Place::kUntouched && (row.rbp.kind != Place::kAtCfa || row.rbp.offset >= 0)) return step;
  return FrameRule::make(row.cfaRegister == kRsp ? Shape::kStackPointer : Shape::kFramePointer, row.cfaOffset, row.rbp.offset);
}

}  // namespace openclaw::internal
