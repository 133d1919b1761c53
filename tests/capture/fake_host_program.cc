// A program with a made-up heap and a control socket, for the tests of occtl. Prints its pid when it answers, ends when
// its standard input does.
//   fake_host DIRECTORY OBJECTS [stall]      stall: the walk never gets past its middle
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "capture/stacks/module_list.h"
#include "capture/stacks/recorder.h"
#include "fake_control_host.h"

namespace {

[[gnu::noinline]] std::uint32_t allocateSomewhere(openclaw::StackRecorder& recorder) {
  const std::uint32_t stack = recorder.record(1, 10, 1000, 0);
  asm volatile("" ::: "memory");
  return stack;
}

}  // namespace

int main(int count, char** values) {
  using namespace openclaw;
  if (count < 3) return 2;
  test::FakeHeap heap = test::FakeHeap::random(99, std::strtoul(values[2], nullptr, 10));
  if (count > 3 && std::strcmp(values[3], "stall") == 0) {
    heap.hookAt = heap.objects.size() / 2;
    heap.hook = [](void*) { for (;;) ::pause(); };
  }
  StackRecorder recorder(1024);
  allocateSomewhere(recorder);
  const ModuleList modules = ModuleList::current();
  const StackRecord stacks[] = {recorder.row(0)};
  heap.tablesRow.modules = modules.records();
  heap.tablesRow.stacks = stacks;
  heap.tablesRow.stackMeanInterval = 1 << 19;
  test::FakeControlHost host(heap);
  if (count > 3) host.seccomp = false;  // pause() is not on the list
  auto server = ControlServer::start(host, {values[1], true});
  if (!server) {
    std::fprintf(stderr, "%s\n", toText(server.error()).c_str());
    return 1;
  }
  std::printf("%d\n", ::getpid());
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {}
  return 0;
}
