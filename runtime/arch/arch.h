// The few things that depend on the processor: pushing registers onto the stack, and the raw signal frame and system
// calls of the stop signal. Another processor gets a folder beside x86_64/.
#pragma once

#include <cstdint>

#if !defined(__x86_64__) || !defined(__linux__)
static_assert(false, "runtime/arch has code for Linux on x86-64 only");
#endif

namespace openclaw::gc {
struct ThreadContext;
}

namespace openclaw::arch {

// Pushes all registers that may hold a pointer across a call (callee-saved, and xmm0 to xmm15), then calls
// function(argument, stack pointer): everything pushed lies above the stack pointer.
extern "C" void openclawCallWithRegisters(void (*function)(void* argument, std::uintptr_t stackPointer), void* argument);

// Installs the stop signal with a handler of our own (no libc wrapper: thread sanitizer defers signals that it knows)
// and lets the calling thread receive it. Handlers keep SA_RESTART; all other signals are blocked while stopped.
void installStopSignal(int number) noexcept;
void unblockStopSignal(int number) noexcept;

// The signal stack that `stackPointer` lies on: its end, or 0. Raw system call.
std::uintptr_t signalStackEnd(std::uintptr_t stackPointer) noexcept;

}  // namespace openclaw::arch
