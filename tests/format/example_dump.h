// The dump that FORMAT.md shows byte by byte, and the text of that part of the page.
#pragma once

#include <cstddef>
#include <string>
#include <span>
#include <string_view>
#include <vector>

namespace openclaw::test {

std::vector<std::byte> exampleDump();
// The generated part of FORMAT.md: the file in hex by header and frame, and the objects message word by word.
std::string exampleText(std::span<const std::byte> dump);
// The bytes that a page with exampleText() shows.
std::vector<std::byte> bytesShownIn(std::string_view page);

}  // namespace openclaw::test
