// What an object costs in the heap, header and rounding included: for parts of the service that keep to a number of bytes.
#pragma once

#include <cstdint>

#include "runtime/pool/layout.h"

namespace openclaw::service {

// Of an object with so many bytes of its own.
constexpr std::uint64_t cellBytes(std::uint64_t payload) {
  return pool::isSmallPayload(payload) ? pool::smallCellBytes(payload) : pool::largeCellBytes(payload);
}
// Of a String of so many bytes: a length stands before them.
constexpr std::uint64_t textCellBytes(std::uint64_t size) { return cellBytes(sizeof(std::uint64_t) + size); }

}  // namespace openclaw::service
