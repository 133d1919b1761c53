// All sessions of the service: what a request does to the heap. Plain values go in; heap objects come out as raw
// pointers, which the caller keeps on its stack or in a Root.
//
//   Store store(heap);                                       // on a registered thread
//   std::uint64_t number = store.create({"ada", "Trip"});
//   store.append(number, messages);
//   if (auto view = store.find(number)) use(*view->messages);
//
// Locks: one a shard (its sessions and index) and one for the users; no two are held at once. A thread that waits for
// one is in a BlockingScope (runtime/lock.h), since the holder may be collecting.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/openclaw.h"
#include "samples/service/model.h"
#include "samples/service/search.h"

namespace openclaw::service {

// A session and its messages at one moment.
struct SessionView {
  Session* session = nullptr;
  Array<Member<Message>>* messages = nullptr;  // the view's own copy
};

struct StoreCounts {
  std::uint64_t sessions = 0, users = 0, messages = 0, terms = 0;
};

// Threads: all members from registered threads, many at once. Owns: the roots of everything.
// Errors: std::bad_alloc past the heap limit; the store is then as it was before the call.
class Store {
 public:
  static constexpr std::uint64_t kShards = 8;

  explicit Store(Heap& heap);
  Store(const Store&) = delete;

  std::uint64_t create(const NewSession& session);
  // The numbers of the new messages; nullopt: no such session.
  std::optional<std::vector<std::uint64_t>> append(std::uint64_t session, std::span<const NewMessage> messages);
  std::optional<SessionView> find(std::uint64_t session);
  // Null: the conversation has no such message.
  Message* findMessage(std::uint64_t session, std::uint64_t message);
  // False: no such session.
  bool erase(std::uint64_t session);
  // The newest sessions of the user, at most `limit`, newest first; `total` says how many there are.
  Array<Member<Session>>* sessionsOf(std::string_view user, std::size_t limit, std::size_t& total);
  std::size_t messageCount(const Session& session);
  SearchHits* search(std::span<const TermCount> terms, std::size_t limit);

  StoreCounts counts();
  // How many messages there are. Takes no lock.
  std::uint64_t messages() const { return messages_.load(std::memory_order_relaxed); }
  // "name: what": every broken invariant between sessions, users and indexes. No other thread may change the store.
  std::vector<std::string> verify();

 private:
  struct Shard {
    Shard(Heap& heap, std::uint64_t number);
    std::mutex mutex;
    Root<SessionShard> root;            // constant; its object is guarded by mutex
    std::uint64_t nextMessage;          // guarded by mutex
  };
  Shard& shardOf(std::uint64_t session) { return shards_[session % kShards]; }
  Session* findLocked(Shard& shard, std::uint64_t session);
  void addToUser(Session* session, std::string_view user);
  void removeFromUser(Session* session);
  Message* newMessage(const NewMessage& message);
  Attachment* newAttachment(const NewAttachment& attachment);

  Heap& heap_;
  std::deque<Shard> shards_;            // kShards of them, constant
  std::mutex usersMutex_;
  Root<UserDirectory> users_;           // its object is guarded by usersMutex_
  std::atomic<std::uint64_t> nextSession_{1}, messages_{0};
};

}  // namespace openclaw::service
