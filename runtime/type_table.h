// What the heap knows about types: name, size, where the pointers are. Declared once, inside the class, as data; so a
// collection and a dump run no code of the program.
//
//   struct Session {
//     Member<User> user;
//     Vector<Member<Message>> messages;            // an inline container: its fields become "messages.store"
//     std::uint64_t created = 0;
//     OPENCLAW_TYPE(Session, user, messages)
//   };
//   struct Admin : Session { Member<Log> log; OPENCLAW_DERIVED_TYPE(Admin, Session, log) };   // Session: first base
//
// A field is a Member, a WeakMember, an ExternalBytes (anything with `kOpenclawExternalBytes`), a DeclaredBound, or an inline struct that
// has OPENCLAW_TYPE itself. A type without pointers: OPENCLAW_TYPE(Name). Alignment at most 8.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "format/records.h"
#include "runtime/member.h"

namespace openclaw {

namespace internal {
template <class T>
constexpr std::string_view typeName() {
  std::string_view text = __PRETTY_FUNCTION__;    // "... typeName() [with T = ns::Name; std::string_view = ...]"
  const std::size_t begin = text.find("T = ") + 4;
  std::size_t end = text.find("; std::string_view", begin);
  if (end == std::string_view::npos) end = text.rfind(']');
  return text.substr(begin, end - begin);
}
}  // namespace internal

// The pointers of one type, for the marker: byte offsets from the payload (elements: from the element's start).
struct alignas(64) TraceMap {
  const std::uint32_t* strong = nullptr;          // strongCount offsets, then weakCount weak ones
  std::uint32_t strongCount = 0, weakCount = 0;
  const std::uint32_t* element = nullptr;         // likewise, per element
  std::uint32_t elementStrong = 0, elementWeak = 0;
  std::uint32_t elementSize = 0, elementOffset = 0;  // elementSize 0 = no elements
  std::uint32_t lengthOffset = 0;                 // of the std::uint64_t that holds the number of elements
  std::uint32_t reserved = 0;
};
static_assert(sizeof(TraceMap) == 64);

// A registered type, everything about it. Constant once registered; lives as long as the process.
struct TypeInfo {
  std::string name;
  std::uint32_t size = 0, alignment = 0;
  struct Field {
    std::string name;
    std::uint32_t offset = 0;
    Strength strength = Strength::kStrong;
    std::string targetType;
  };
  std::vector<Field> fields, elementFields;       // ascending offsets
  std::uint32_t elementSize = 0, elementOffset = 0;
  bool hasLength = false;
  std::uint32_t lengthOffset = 0;
  std::int32_t externalOffset = -1;               // of a std::uint64_t: bytes that the object owns outside the heap
  std::int32_t boundOffset = -1;                  // of a DeclaredBound
  bool isText = false;
  void (*destroy)(void*) = nullptr;               // null: trivially destructible
  bool pointerFree() const { return fields.empty() && elementFields.empty(); }
  // The same as rows for a dump, borrowed from this object.
  TypeRecord record;
  std::vector<FieldRecord> fieldRecords, elementFieldRecords;
};

// Gathers the fields of one type. Handed to T::openclawDescribe.
class TypeBuilder {
 public:
  explicit TypeBuilder(TypeInfo& info) : info_(info) {}

  // One field of type F at `offset` of what is described; nested structs add theirs with "name." in front.
  template <class F>
  void field(std::string_view name, std::size_t offset);
  // The first base class, at offset 0.
  template <class Base>
  void base();
  // The object ends in elements of type E from `elementOffset` on; their number is the std::uint64_t at `lengthOffset`
  // (0 until it is set, so an object under construction is safe). E: Member, WeakMember, a struct with OPENCLAW_TYPE, or
  // plain data.
  template <class E>
  void elements(std::size_t elementOffset, std::size_t lengthOffset);
  void text() { info_.isText = true; }
  void name(std::string name) { info_.name = std::move(name); }

 private:
  void add(std::string_view name, std::size_t offset, Strength strength, std::string_view target);
  void addExternal(std::size_t offset);
  void addBound(std::size_t offset);
  TypeInfo& info_;
  std::string prefix_;
  std::size_t offset_ = 0;
  bool inElement_ = false;
};

// Reaches the private description of a class.
struct TypeAccess {
  template <class T>
  static void describe(TypeBuilder& builder) { T::openclawDescribe(builder); }
  template <class T>
  static constexpr bool isDescribed() {
    if constexpr (requires { typename T::OpenclawSelf; }) return std::is_same_v<typename T::OpenclawSelf, T>;
    else return false;
  }
};

template <class T>
concept DescribedType = requires { typename T::OpenclawSelf; } && TypeAccess::isDescribed<T>();

// Process-wide, append-only; ids from 1. Reading is lock-free and allocates nothing.
class TypeTable {
 public:
  static constexpr std::uint32_t kMaxTypes = 1u << 16;
  // Takes over `info`, whose name, size and fields are set. The same name may stand twice (plug-ins).
  static std::uint16_t add(TypeInfo&& info);
  static std::uint32_t size() noexcept;                      // ids are below it; 0 is no type
  static const TypeInfo& info(std::uint32_t id) noexcept;
  static const TraceMap& traceMap(std::uint32_t id) noexcept { return traceMaps_[id]; }

 private:
  static constinit TraceMap traceMaps_[kMaxTypes];
};

namespace internal {
template <class T>
struct TypeIdHolder {
  static inline constinit std::atomic<std::uint16_t> id{0};
};

template <class T>
[[gnu::noinline, gnu::cold]] std::uint16_t registerType() {
  TypeInfo info;
  info.name = std::string(typeName<T>());
  info.size = sizeof(T);
  info.alignment = alignof(T);
  TypeBuilder builder(info);
  TypeAccess::describe<T>(builder);
  if constexpr (!std::is_trivially_destructible_v<T>) info.destroy = [](void* object) { static_cast<T*>(object)->~T(); };
  const std::uint16_t id = TypeTable::add(std::move(info));
  // Two threads may both register: the first id stays, the other row is unused.
  std::uint16_t none = 0;
  if (!TypeIdHolder<T>::id.compare_exchange_strong(none, id, std::memory_order_acq_rel)) return none;
  return id;
}
}  // namespace internal

// The id of T. Cost: a load, but for the first time.
template <class T>
inline std::uint16_t typeIdOf() {
  const std::uint16_t id = internal::TypeIdHolder<T>::id.load(std::memory_order_acquire);
  if (id == 0) [[unlikely]] return internal::registerType<T>();
  return id;
}

template <class F>
void TypeBuilder::field(std::string_view fieldName, std::size_t offset) {
  if constexpr (requires { F::kOpenclawExternalBytes; }) {
    addExternal(offset);
  } else if constexpr (requires { F::kOpenclawDeclaredBound; }) {
    addBound(offset);
  } else if constexpr (DescribedType<F>) {
    const std::string outerPrefix = prefix_;
    const std::size_t outerOffset = offset_;
    prefix_ += std::string(fieldName) + ".";
    offset_ += offset;
    TypeAccess::describe<F>(*this);
    prefix_ = outerPrefix;
    offset_ = outerOffset;
  } else {
    static_assert(requires { F::kIsWeak; typename F::Target; },
                  "a field in OPENCLAW_TYPE is a Member, a WeakMember, an ExternalBytes, a DeclaredBound or a struct with OPENCLAW_TYPE");
    add(fieldName, offset, F::kIsWeak ? Strength::kWeak : Strength::kStrong, internal::typeName<typename F::Target>());
  }
}

template <class Base>
void TypeBuilder::base() {
  static_assert(DescribedType<Base>, "the base class has no OPENCLAW_TYPE of its own");
  TypeAccess::describe<Base>(*this);
}

template <class E>
void TypeBuilder::elements(std::size_t elementOffset, std::size_t lengthOffset) {
  info_.elementSize = sizeof(E);
  info_.elementOffset = static_cast<std::uint32_t>(elementOffset);
  info_.hasLength = true;
  info_.lengthOffset = static_cast<std::uint32_t>(lengthOffset);
  inElement_ = true;
  if constexpr (requires { E::kIsWeak; typename E::Target; }) {
    add("", 0, E::kIsWeak ? Strength::kWeak : Strength::kStrong, internal::typeName<typename E::Target>());
  } else if constexpr (DescribedType<E>) {
    TypeAccess::describe<E>(*this);
  } else {
    static_assert(std::is_trivially_copyable_v<E>, "elements are Members, structs with OPENCLAW_TYPE, or plain data");
  }
  inElement_ = false;
}

}  // namespace openclaw

#define OPENCLAW_FIELD_(Name, field_) \
  builder.template field<decltype(Name::field_)>(#field_, __builtin_offsetof(Name, field_));
// Applies OPENCLAW_FIELD_ to each of up to 256 fields.
#define OPENCLAW_PARENS_ ()
#define OPENCLAW_EXPAND_(...) OPENCLAW_EXPAND3_(OPENCLAW_EXPAND3_(OPENCLAW_EXPAND3_(OPENCLAW_EXPAND3_(__VA_ARGS__))))
#define OPENCLAW_EXPAND3_(...) OPENCLAW_EXPAND2_(OPENCLAW_EXPAND2_(OPENCLAW_EXPAND2_(OPENCLAW_EXPAND2_(__VA_ARGS__))))
#define OPENCLAW_EXPAND2_(...) OPENCLAW_EXPAND1_(OPENCLAW_EXPAND1_(OPENCLAW_EXPAND1_(OPENCLAW_EXPAND1_(__VA_ARGS__))))
#define OPENCLAW_EXPAND1_(...) __VA_ARGS__
#define OPENCLAW_EACH_(Name, ...) __VA_OPT__(OPENCLAW_EXPAND_(OPENCLAW_EACH_ONE_(Name, __VA_ARGS__)))
#define OPENCLAW_EACH_ONE_(Name, field_, ...) \
  OPENCLAW_FIELD_(Name, field_) __VA_OPT__(OPENCLAW_EACH_AGAIN_ OPENCLAW_PARENS_(Name, __VA_ARGS__))
#define OPENCLAW_EACH_AGAIN_() OPENCLAW_EACH_ONE_

// Leaves the class's current access as it is. GCC warns about offsetof on types that are not standard-layout, for which
// it is right all the same as long as there is no virtual base.
#define OPENCLAW_TYPE(Name, ...)                                                 \
  friend struct ::openclaw::TypeAccess;                                          \
  using OpenclawSelf = Name;                                                     \
  static void openclawDescribe([[maybe_unused]] ::openclaw::TypeBuilder& builder) { \
    _Pragma("GCC diagnostic push")                                               \
    _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"")                     \
    OPENCLAW_EACH_(Name, __VA_ARGS__)                                            \
    _Pragma("GCC diagnostic pop")                                                \
  }

#define OPENCLAW_DERIVED_TYPE(Name, Base, ...)                                   \
  friend struct ::openclaw::TypeAccess;                                          \
  using OpenclawSelf = Name;                                                     \
  static void openclawDescribe(::openclaw::TypeBuilder& builder) {               \
    builder.template base<Base>();                                               \
    _Pragma("GCC diagnostic push")                                               \
    _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"")                     \
    OPENCLAW_EACH_(Name, __VA_ARGS__)                                            \
    _Pragma("GCC diagnostic pop")                                                \
  }
