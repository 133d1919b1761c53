// The store of the reference service in this process: nothing leaks, threads do not disturb each other, a full heap
// leaves it as it was, and searches agree with a plain loop over all texts.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/gc/heap_impl.h"
#include "runtime/openclaw.h"
#include "samples/service/api.h"
#include "samples/service/request_json.h"
#include "samples/service/store.h"
#include "samples/service/worker_pool.h"

namespace openclaw::service {
namespace {

std::unique_ptr<Heap> newHeap(std::vector<std::pair<SettingId, std::uint64_t>> settings = {}) {
  HeapOptions options;
  options.control = false;
  options.settings = std::move(settings);
  auto heap = Heap::create(options);
  if (!heap) throw std::runtime_error(heap.error().what);
  return *std::move(heap);
}

NewMessage message(std::string text) {
  NewMessage made;
  made.text = std::move(text);
  return made;
}

// A message with everything: tool calls, an attachment in the heap and one outside.
NewMessage fullMessage(std::mt19937& random) {
  NewMessage made = message("alpha beta " + std::to_string(random() % 50));
  made.toolCalls.resize(random() % 3);
  for (NewToolCall& call : made.toolCalls) call = {"search", {"{\"q\":1}", true}, {"found", false}};
  made.attachments.push_back({"small", "text/plain", generatedBytes("small", 100)});
  if (random() % 10 == 0) made.attachments.push_back({"large", "text/plain", generatedBytes("large", kLargestInHeap + 1)});
  return made;
}

// Calls `use` in a frame of its own: what it leaves on the stack lies below the caller's frame.
template <class Use>
[[gnu::noinline]] void inOwnFrame(Use use) { use(); }

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// Collects until all that died is gone: a sweep finds what has a destructor, the destructors run on a thread that is not
// registered (as the control thread of a heap with one), and the next sweep frees the cells.
void collectAll(Heap& heap) {
  for (int i = 0; i < 2; ++i) heap.collect("test");
  std::thread([&] {
    while (heap.impl().destructors.pending() != 0) heap.impl().destructors.run(1000);
  }).join();
  for (int i = 0; i < 2; ++i) heap.collect("test");
}

TEST(Store, DeletingEverySessionReturnsTheObjectCountToWhereItWas) {
  auto heap = newHeap();
  ThreadScope thread(*heap, "test");
  Store store(*heap);
  std::mt19937 random(7);
  std::uint64_t objects = 0;
  // The first round grows the tables, which stay; the second must come back to the same count.
  for (int round = 0; round < 3; ++round) {
    inOwnFrame([&] {
      std::vector<std::uint64_t> sessions;
      for (int i = 0; i < 200; ++i) {
        sessions.push_back(store.create({"user" + std::to_string(i % 17), "title"}));
        std::vector<NewMessage> batch;
        for (int k = 0; k < 10; ++k) batch.push_back(fullMessage(random));
        store.append(sessions.back(), batch);
      }
      EXPECT_EQ(store.counts().messages, 2000u);
      EXPECT_EQ(joined(store.verify()), "");
      for (std::uint64_t session : sessions) EXPECT_TRUE(store.erase(session));
    });
    StoreCounts counts = store.counts();
    EXPECT_EQ(counts.sessions + counts.users + counts.messages + counts.terms, 0u);
    collectAll(*heap);
    // Words that stayed on this stack may keep a session of the last round; more than one would be a leak.
    HeapCounters after = heap->counters();
    if (round > 0) {
      EXPECT_LE(after.objectCount, objects + 200) << "round " << round;
    }
    EXPECT_LE(after.externalBytes, 10 * (kLargestInHeap + 1)) << "round " << round;
    objects = after.objectCount;
    EXPECT_LT(after.objectCount, 400u);
  }
  EXPECT_EQ(joined(heap->verify()), "");
}

TEST(Store, ExternalBytesFollowTheirAttachments) {
  auto heap = newHeap();
  ThreadScope thread(*heap, "test");
  Store store(*heap);
  std::uint64_t session = store.create({"u", ""});
  NewMessage with = message("x");
  for (int i = 0; i < 20; ++i) with.attachments.push_back({"f", "t", std::string(1 << 20, 'z')});
  store.append(session, {&with, 1});
  EXPECT_EQ(heap->counters().externalBytes, 20u << 20);
  EXPECT_EQ(store.findMessage(session, 8 + session % Store::kShards)->attachments->at(19)->bytes().size(), 1u << 20);
}

TEST(Store, SearchAgreesWithALoopOverAllTexts) {
  auto heap = newHeap({{SettingId::stressCollect, 2000}, {SettingId::stressPoison, 1}});
  ThreadScope thread(*heap, "test");
  Store store(*heap);
  std::mt19937 random(11);
  std::map<std::uint64_t, std::vector<std::pair<std::uint64_t, std::string>>> model;  // session -> (message, text)
  for (int step = 0; step < 1500; ++step) {
    if (model.empty() || random() % 10 < 2) {
      model[store.create({"u" + std::to_string(random() % 5), "t"})];
    } else if (random() % 10 < 8) {
      auto place = std::next(model.begin(), static_cast<long>(random() % model.size()));
      std::string text;
      for (unsigned words = 1 + static_cast<unsigned>(random() % 8); words > 0; --words) text += "w" + std::to_string(random() % 12) + " ";
      NewMessage made = message(text);
      auto numbers = store.append(place->first, {&made, 1});
      ASSERT_TRUE(numbers);
      place->second.emplace_back(numbers->front(), text);
    } else {
      auto place = std::next(model.begin(), static_cast<long>(random() % model.size()));
      ASSERT_TRUE(store.erase(place->first));
      model.erase(place);
    }
  }
  ASSERT_EQ(joined(store.verify()), "");
  for (int a = 0; a < 12; ++a)
    for (int b = a; b < 12; ++b) {
      std::vector<TermCount> query = termCounts("w" + std::to_string(a) + " w" + std::to_string(b));
      std::set<std::uint64_t> expected, found;
      for (const auto& [session, messages] : model)
        for (const auto& [number, text] : messages) {
          auto has = [&, padded = " " + text](int w) { return padded.find(" w" + std::to_string(w) + " ") != std::string::npos; };
          if (has(a) && has(b)) expected.insert(number);
        }
      SearchHits* hits = store.search(query, 1000);
      EXPECT_EQ(hits->total, expected.size());
      for (std::size_t i = 0; i < hits->size; ++i) {
        found.insert(hits->items->at(i).number);
        if (i == 0) continue;
        const Hit& better = hits->items->at(i - 1);
        EXPECT_FALSE(hits->items->at(i).betterThan(better.score, better.number));
      }
      ASSERT_LE(expected.size(), 1000u);
      EXPECT_EQ(found, expected) << a << " " << b;
    }
}

TEST(Store, ThreadsThatCreateAppendReadSearchAndDeleteLeaveItWhole) {
  auto heap = newHeap({{SettingId::stressCollect, 3000}, {SettingId::stressPoison, 1}, {SettingId::stressVerify, 1}});
  std::unique_ptr<Store> store;
  {
    ThreadScope thread(*heap, "main");
    store = std::make_unique<Store>(*heap);
  }
  std::atomic<std::uint64_t> checked{0};
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        ThreadScope scope(*heap, "mutator-" + std::to_string(t));
        std::mt19937 random(t);
        std::vector<std::pair<std::uint64_t, std::size_t>> mine;  // session, messages
        for (int step = 0; step < 400; ++step) {
          if (mine.empty() || random() % 4 == 0) mine.emplace_back(store->create({"user" + std::to_string(random() % 3), "t"}), 0);
          auto& [session, messages] = mine[random() % mine.size()];
          std::vector<NewMessage> batch{fullMessage(random), fullMessage(random)};
          ASSERT_TRUE(store->append(session, batch));
          messages += 2;
          auto view = store->find(session);
          ASSERT_TRUE(view);
          ASSERT_EQ(view->messages->size(), messages);
          for (const Member<Message>& each : *view->messages) {
            ASSERT_TRUE(each->text->view().starts_with("alpha beta "));
            ASSERT_EQ(each->attachments->at(0)->bytes(), generatedBytes("small", 100));
            ++checked;
          }
          store->search(termCounts("alpha beta"), 10);
          std::size_t total = 0;
          store->sessionsOf("user1", 5, total);
          if (random() % 8 == 0) {
            ASSERT_TRUE(store->erase(mine.back().first));
            mine.pop_back();
          }
        }
      });
  }
  EXPECT_GT(checked, 1600u);
  ThreadScope thread(*heap, "main");
  EXPECT_EQ(joined(store->verify()), "");
  EXPECT_EQ(joined(heap->verify()), "");
}

TEST(Store, AFullHeapLeavesTheStoreAsItWas) {
  auto heap = newHeap({{SettingId::heapLimit, 32u << 20}, {SettingId::arenaSize, 8u << 20}});
  ThreadScope thread(*heap, "test");
  Store store(*heap);
  std::uint64_t session = store.create({"u", "t"});
  std::uint64_t appended = 0;
  bool full = false;
  for (int i = 0; i < 10000 && !full; ++i) {
    std::vector<NewMessage> batch;
    for (int k = 0; k < 50; ++k) batch.push_back(message("common word" + std::to_string(i * 50 + k) + std::string(300, '.')));
    try {
      ASSERT_TRUE(store.append(session, batch));
      appended += 50;
    } catch (const std::bad_alloc&) {
      full = true;
    }
  }
  ASSERT_TRUE(full);
  EXPECT_EQ(store.counts().messages, appended);
  EXPECT_EQ(joined(store.verify()), "");
  ASSERT_TRUE(store.erase(session));  // needs no memory
  StoreCounts counts = store.counts();
  EXPECT_EQ(counts.sessions + counts.users + counts.messages + counts.terms, 0u);
  heap->collect("test");
  session = store.create({"u", "t"});
  NewMessage again = message("room again");
  EXPECT_TRUE(store.append(session, {&again, 1}));
}

TEST(ReplyCursor, KeepsTheRestOfAReplyAcrossDeletingAndCollecting) {
  auto heap = newHeap({{SettingId::stressPoison, 1}});
  ThreadScope thread(*heap, "test");
  Store store(*heap);
  Api api(*heap, store);
  std::uint64_t session = store.create({"u", "t"});
  for (int i = 0; i < 30; ++i) {
    NewMessage made = message(std::string(100000, static_cast<char>('a' + i % 26)));
    store.append(session, {&made, 1});
  }
  Reply reply = api.handle({"GET", "/sessions/s" + std::to_string(session), "", newRequestId()});
  std::string body = reply.body;
  ASSERT_TRUE(reply.rest);
  ASSERT_TRUE(store.erase(session));
  int pieces = 1;
  for (std::optional<Root<ReplyCursor>> rest = std::move(reply.rest); rest; ++pieces) {
    heap->collect("test");
    Reply more = api.more(*std::move(rest));
    body += more.body;
    rest = std::move(more.rest);
  }
  EXPECT_GT(pieces, 5);
  EXPECT_TRUE(body.ends_with("]}\n"));
  for (int i = 0; i < 30; ++i) EXPECT_NE(body.find(std::string(100000, static_cast<char>('a' + i % 26))), std::string::npos);
}

TEST(WorkerPool, RunsJobsOnRegisteredThreadsAndRefusesWhenFull) {
  auto heap = newHeap();
  std::atomic<int> done{0};
  {
    WorkerPool pool(*heap, 1, 2);
    std::promise<void> go, started;
    ASSERT_TRUE(pool.trySubmit([&, wait = go.get_future().share()] {
      started.set_value();
      BlockingScope blocking(*heap);
      wait.wait();
      ++done;
    }));
    started.get_future().wait();  // the only worker is busy
    auto job = [&] { make<User>(*heap); ++done; };
    EXPECT_TRUE(pool.trySubmit(job));
    EXPECT_TRUE(pool.trySubmit(job));
    EXPECT_FALSE(pool.trySubmit(job));
    EXPECT_EQ(pool.waiting(), 2u);
    heap->collect("while workers wait");
    go.set_value();
  }  // stop() finishes what waits
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace openclaw::service
