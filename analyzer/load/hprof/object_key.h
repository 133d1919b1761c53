// What an object of a Java dump is: the number of its class and its shape, in 32 bits.
#pragma once

#include <cstdint>

namespace openclaw::hprof {

enum class Shape : std::uint8_t { kInstance, kObjectArray, kPrimitiveArray, kClass };

// The number is that of the class (ClassTable), of a primitive array that of its element type.
struct Key {
  std::uint32_t word = 0;
  static constexpr std::uint32_t kMostClasses = 1u << 30;
  static constexpr Key of(Shape shape, std::uint32_t number) { return {number << 2 | static_cast<std::uint32_t>(shape)}; }
  constexpr Shape shape() const { return static_cast<Shape>(word & 3u); }
  constexpr std::uint32_t number() const { return word >> 2; }
  constexpr bool isArray() const { return shape() == Shape::kObjectArray || shape() == Shape::kPrimitiveArray; }
};

}  // namespace openclaw::hprof
