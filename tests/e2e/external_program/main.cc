#include <cstdio>
#include <string>

#include "runtime/openclaw.h"

struct Node {
  openclaw::Member<Node> next;
  openclaw::Member<openclaw::String> name;
  OPENCLAW_TYPE(Node, next, name)
};

int main(int, char** argv) {
  auto heap = openclaw::Heap::create({});
  if (!heap) return std::puts(heap.error().what.c_str()), 1;
  openclaw::ThreadScope thread(**heap, "main");
  openclaw::Root<Node> list(**heap);
  for (int i = 0; i < 1000; ++i) {
    Node* node = openclaw::make<Node>(**heap);
    node->name = openclaw::String::make(**heap, "node " + std::to_string(i));
    node->next = list.get();
    list = node;
  }
  auto dump = (*heap)->dump(argv[1] != nullptr ? argv[1] : "heap.bin", true);
  return dump ? 0 : (std::puts(dump.error().what.c_str()), 1);
}
