// Private to format/, included first by every file that sees Cap'n Proto when the compiler is clang. Its 0.9 headers
// compare `const char* == kj::StringPtr`, which C++20 forms by swapping the operands; P2468, which clang follows and
// g++ 12 does not, forbids the swap where operator!= is declared, too. So the comparison is spelled out here.
#pragma once

#include <kj/string.h>

namespace kj {
inline bool operator==(const char* a, const StringPtr& b) { return b.operator==(StringPtr(a)); }
inline bool operator!=(const char* a, const StringPtr& b) { return !b.operator==(StringPtr(a)); }
}  // namespace kj
