// What the fuzzers of dumps share: bytes that stay a dump however they are mutated. Checksums would stop every mutation at
// the door, so they are made right again; and frames are moved, doubled, dropped and renumbered whole, which flips of
// single bytes would take for ever to find.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace openclaw::fuzz {

// Makes the checksums of everything that looks like a header or a trailer right.
void repairChecksums(std::vector<std::byte>& file);
// One random change of whole frames within `file`, which may not grow past `limit`. Does nothing where there are no frames.
void moveFrames(std::vector<std::byte>& file, std::size_t limit, unsigned seed);

}  // namespace openclaw::fuzz
