// Writes the dump of a small heap of the runtime to the path it is given.
#include "runtime/openclaw.h"

using namespace openclaw;

namespace {
struct Node {
  Member<Node> next;
  Member<Node> other;
  std::uint64_t value = 0;
  OPENCLAW_TYPE(Node, next, other)
};
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto heap = Heap::create({});
  if (!heap) return 5;
  ThreadScope thread(**heap, "main");
  Root<Node> list(**heap), skip(**heap);
  for (std::uint64_t i = 0; i < 500; ++i) {
    Node* node = make<Node>(**heap);
    node->next = list.get();
    if (i % 3 == 0) node->other = skip.get();
    node->value = i;
    list = node;
    if (i % 7 == 0) skip = node;
  }
  return (*heap)->dump(argv[1], true) ? 0 : 5;
}
