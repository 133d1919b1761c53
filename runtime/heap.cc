#include "runtime/heap.h"

#include <cstring>
#include <mutex>

#include "format/check.h"
#include "runtime/control_host/heap_control.h"
#include "runtime/gc/counters.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/gc/verifier.h"
#include "runtime/make.h"
#include "runtime/root.h"

namespace openclaw {

Heap::Heap(std::unique_ptr<gc::HeapImpl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Heap>> Heap::create(HeapOptions options) {
  OPENCLAW_TRY(auto impl, gc::HeapImpl::create(options));
  std::unique_ptr<Heap> heap(new Heap(std::move(impl)));
  heap->impl_->control = std::make_unique<HeapControl>(*heap, options);
  heap->impl_->control->start();
  return heap;
}

Heap::~Heap() { impl_->control.reset(); }

control::PauseRow Heap::collect(std::string_view cause) { return gc::PauseLog::row(impl_->collect(cause)); }

void Heap::poll() {
  gc::ThreadContext* thread = gc::currentThread;
  if (thread != nullptr && thread->stopWanted.load(std::memory_order_relaxed) != 0) gc::pollSlow(*thread);
}

HeapCounters Heap::counters(std::vector<control::ArenaRow>* arenas) {
  HeapCounters counters;
  ArenaRecord arena;
  {
    gc::StoppedWorld world(*impl_, gc::StopKind::kCounters, "counters");
    world.pause().phase("counting");
    gc::computeCounters(*impl_, counters, &arena);
  }
  if (arenas != nullptr) {
    control::ArenaRow row;
    static_cast<ArenaRecord&>(row) = arena;
    row.ownedName = arena.name;
    row.name = {};
    arenas->assign(1, std::move(row));
  }
  return counters;
}

control::PausesReply Heap::pauses(std::uint32_t newest) const { return impl_->pauses.rows(newest); }

Result<control::DumpDoneReply> Heap::dump(const std::string& path, bool overwrite) { return impl_->control->dump(path, overwrite); }

Result<control::DumpDoneReply> Heap::dump(int descriptor, const control::DumpRequest& request, const std::string& by,
                                          const std::function<void(const control::DumpProgressReply&)>& progress,
                                          std::stop_token stop) {
  return impl_->control->dump(descriptor, request, by, progress, std::move(stop));
}

std::uint64_t Heap::setting(SettingId id) const { return impl_->setting(id); }

Result<void> Heap::set(SettingId id, std::uint64_t value, const std::string& origin, const std::string& by) {
  OPENCLAW_TRY_VOID(impl_->checkSetting(id, value));
  const SettingAssignment assignment{id, value};
  return impl_->settings.set({&assignment, 1}, origin, by);
}

std::string Heap::configText() const { return impl_->settings.toToml(); }
std::vector<std::string> Heap::verify() { return gc::verifyHeap(*impl_); }
std::string Heap::controlSocket() const { return impl_->control->socketPath(); }
std::string Heap::controlProblem() const { return impl_->control->problem(); }

ThreadScope::ThreadScope(Heap& heap, std::string_view name) : context_(new gc::ThreadContext) {
  OPENCLAW_CHECK(gc::currentThread == nullptr);   // with one heap at a time
  context_->heap = &heap.impl();
  name.copy(context_->name, sizeof context_->name - 1);   // the rest is zero
  context_->random = reinterpret_cast<std::uintptr_t>(context_) * 0x9e37'79b9'7f4a'7c15ull | 1;
  heap.impl().safepoint.attach(*context_);
}

ThreadScope::~ThreadScope() {
  gc::HeapImpl& heap = *context_->heap;
  {
    gc::CriticalScope critical;
    std::lock_guard guard(heap.poolLock);
    heap.allocator.retire(*context_);
    heap.allocatedBytes.fetch_add(context_->allocatedBytes.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
    heap.allocatedObjects.fetch_add(context_->allocatedObjects.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
  }
  heap.safepoint.detach(*context_);
  delete context_;
}

BlockingScope::BlockingScope(Heap& heap) : context_(gc::currentThread) {
  if (context_ != nullptr && context_->heap != &heap.impl()) context_ = nullptr;
  if (context_ != nullptr) heap.impl().safepoint.block(*context_);
}

BlockingScope::~BlockingScope() {
  if (context_ != nullptr) context_->heap->safepoint.unblock(*context_);
}

RequestScope::RequestScope(Heap& heap, std::uint64_t id) : context_(gc::currentThread), previous_(0) {
  OPENCLAW_CHECK(context_ != nullptr && context_->heap == &heap.impl());
  previous_ = context_->request;
  heap.impl().allocator.setRequest(*context_, id);
}

RequestScope::~RequestScope() { context_->heap->allocator.setRequest(*context_, previous_); }

namespace internal {

gc::RootTable& rootsOf(Heap& heap) noexcept { return heap.impl().roots; }

void* allocateSlow(Heap& heap, std::uint64_t header, std::size_t payload) {
  gc::ThreadContext* thread = gc::currentThread;
  // A destructor that the heap runs must not allocate; nor may a thread whose stack nobody scans.
  if (thread == nullptr || thread->heap != &heap.impl() || gc::Destructors::running() || thread->blockingDepth != 0) {
    heap.impl().allocationsRefused.fetch_add(1, std::memory_order_relaxed);
    throw std::bad_alloc();
  }
  return heap.impl().allocator.allocateSlow(*thread, header, payload);
}

}  // namespace internal
}  // namespace openclaw
