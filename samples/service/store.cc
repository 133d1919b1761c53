#include "samples/service/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>

#include "runtime/lock.h"

namespace openclaw::service {
namespace {

std::uint64_t unixNow() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

ToolCall* newToolCall(Heap& heap, const NewToolCall& given) {
  ToolCall* call = make<ToolCall>(heap);
  call->name = String::make(heap, given.name);
  call->arguments = String::make(heap, given.arguments.text);
  call->argumentsAreJson = given.arguments.isJson;
  call->result = String::make(heap, given.result.text);
  call->resultIsJson = given.result.isJson;
  return call;
}

std::size_t placeOf(User& user, const Session* session) {
  auto* found = std::find_if(user.sessions.begin(), user.sessions.end(),
                             [&](const Member<Session>& member) { return member.get() == session; });
  return static_cast<std::size_t>(found - user.sessions.begin());
}

}  // namespace

Store::Shard::Shard(Heap& heap, std::uint64_t number)
    : root(heap, make<SessionShard>(heap)), nextMessage(kShards + number) {
  root->index = make<SearchIndex>(heap);
}

Store::Store(Heap& heap) : heap_(heap), users_(heap, make<UserDirectory>(heap)) {
  for (std::uint64_t number = 0; number < kShards; ++number) shards_.emplace_back(heap, number);
}

Session* Store::findLocked(Shard& shard, std::uint64_t session) {
  Member<Session>* found = shard.root->sessions.find(session);
  return found != nullptr ? found->get() : nullptr;
}

void Store::addToUser(Session* session, std::string_view name) {
  MutexGuard lock(heap_, usersMutex_);
  Member<User>* known = users_->byName.find(name);
  User* user = known != nullptr ? known->get() : make<User>(heap_);
  user->sessions.push_back(heap_, session);
  session->user = user;
  if (known != nullptr) return;
  user->name = String::make(heap_, name);
  users_->byName.insert(heap_, user->name, user);
}

void Store::removeFromUser(Session* session) {
  MutexGuard lock(heap_, usersMutex_);
  User* user = session->user.get();
  user->sessions.erase(placeOf(*user, session));
  if (user->sessions.empty()) users_->byName.erase(user->name->view());
}

std::uint64_t Store::create(const NewSession& given) {
  Session* session = make<Session>(heap_);
  session->title = String::make(heap_, given.title);
  session->number = nextSession_.fetch_add(1, std::memory_order_relaxed);
  session->unixNanoseconds = unixNow();
  addToUser(session, given.user);
  try {
    Shard& shard = shardOf(session->number);
    MutexGuard lock(heap_, shard.mutex);
    shard.root->sessions.insert(heap_, session->number, session);
  } catch (const std::bad_alloc&) {
    removeFromUser(session);
    throw;
  }
  return session->number;
}

Attachment* Store::newAttachment(const NewAttachment& given) {
  Attachment* attachment = make<Attachment>(heap_);
  attachment->name = String::make(heap_, given.name);
  attachment->contentType = String::make(heap_, given.contentType);
  if (given.data.size() <= kLargestInHeap) {
    Array<char>* bytes = Array<char>::make(heap_, given.data.size());
    std::ranges::copy(given.data, bytes->begin());
    attachment->inHeap = bytes;
  } else {
    attachment->outsideData = std::make_unique_for_overwrite<char[]>(given.data.size());
    std::memcpy(attachment->outsideData.get(), given.data.data(), given.data.size());
    attachment->outside.set(heap_, given.data.size());
  }
  attachment->size = given.data.size();
  return attachment;
}

Message* Store::newMessage(const NewMessage& given) {
  Message* message = make<Message>(heap_);
  message->role = given.role;
  message->text = String::make(heap_, given.text);
  message->unixNanoseconds = unixNow();
  if (!given.toolCalls.empty()) message->toolCalls = Array<Member<ToolCall>>::make(heap_, given.toolCalls.size());
  for (std::size_t i = 0; i < given.toolCalls.size(); ++i) message->toolCalls->at(i) = newToolCall(heap_, given.toolCalls[i]);
  if (!given.attachments.empty()) message->attachments = Array<Member<Attachment>>::make(heap_, given.attachments.size());
  for (std::size_t i = 0; i < given.attachments.size(); ++i) message->attachments->at(i) = newAttachment(given.attachments[i]);
  return message;
}

std::optional<std::vector<std::uint64_t>> Store::append(std::uint64_t number, std::span<const NewMessage> given) {
  // Everything that needs no lock comes first.
  auto* batch = Array<Member<Message>>::make(heap_, given.size());
  std::vector<std::vector<TermCount>> terms;
  terms.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    batch->at(i) = newMessage(given[i]);
    terms.push_back(termCounts(given[i].text));
  }
  std::vector<std::uint64_t> numbers;
  numbers.reserve(given.size());

  Shard& shard = shardOf(number);
  MutexGuard lock(heap_, shard.mutex);
  Session* session = findLocked(shard, number);
  if (session == nullptr) return std::nullopt;
  SearchIndex& index = *shard.root->index;
  std::size_t before = session->messages.size();
  try {
    for (std::size_t i = 0; i < given.size(); ++i) {
      Message* message = batch->at(i).get();
      message->session = session;
      message->number = shard.nextMessage;
      shard.nextMessage += kShards;
      numbers.push_back(message->number);
      session->messages.push_back(heap_, message);
      addMessage(heap_, index, message, terms[i]);
    }
  } catch (const std::bad_alloc&) {
    for (std::size_t i = 0; i < numbers.size(); ++i) removeMessage(index, numbers[i], terms[i]);
    while (session->messages.size() > before) session->messages.pop_back();
    throw;
  }
  messages_.fetch_add(given.size(), std::memory_order_relaxed);
  return numbers;
}

std::optional<SessionView> Store::find(std::uint64_t number) {
  Shard& shard = shardOf(number);
  MutexGuard lock(heap_, shard.mutex);
  Session* session = findLocked(shard, number);
  if (session == nullptr) return std::nullopt;
  auto* messages = Array<Member<Message>>::make(heap_, session->messages.size());
  for (std::size_t i = 0; i < messages->size(); ++i) messages->at(i) = session->messages[i];
  return SessionView{session, messages};
}

Message* Store::findMessage(std::uint64_t number, std::uint64_t message) {
  Shard& shard = shardOf(number);
  MutexGuard lock(heap_, shard.mutex);
  Session* session = findLocked(shard, number);
  if (session == nullptr) return nullptr;
  auto* found = std::lower_bound(session->messages.begin(), session->messages.end(), message,
                                 [](const Member<Message>& member, std::uint64_t n) { return member->number < n; });
  return found != session->messages.end() && (*found)->number == message ? found->get() : nullptr;
}

bool Store::erase(std::uint64_t number) {
  Session* session = nullptr;
  {
    Shard& shard = shardOf(number);
    MutexGuard lock(heap_, shard.mutex);
    session = findLocked(shard, number);
    if (session == nullptr) return false;
    shard.root->sessions.erase(number);
    for (const Member<Message>& message : session->messages)
      removeMessage(*shard.root->index, message->number, termCounts(message->text->view()));
    messages_.fetch_sub(session->messages.size(), std::memory_order_relaxed);
  }
  removeFromUser(session);
  return true;
}

Array<Member<Session>>* Store::sessionsOf(std::string_view name, std::size_t limit, std::size_t& total) {
  MutexGuard lock(heap_, usersMutex_);
  Member<User>* known = users_->byName.find(name);
  total = known != nullptr ? (*known)->sessions.size() : 0;
  auto* newest = Array<Member<Session>>::make(heap_, std::min(limit, total));
  for (std::size_t i = 0; i < newest->size(); ++i) newest->at(i) = (*known)->sessions[total - 1 - i];
  return newest;
}

std::size_t Store::messageCount(const Session& session) {
  MutexGuard lock(heap_, shardOf(session.number).mutex);
  return session.messages.size();
}

SearchHits* Store::search(std::span<const TermCount> terms, std::size_t limit) {
  SearchHits* hits = SearchHits::make(heap_, limit);
  for (Shard& shard : shards_) {
    MutexGuard lock(heap_, shard.mutex);
    searchIndex(*shard.root->index, terms, *hits);
  }
  return hits;
}

StoreCounts Store::counts() {
  StoreCounts counts;
  counts.messages = messages_.load(std::memory_order_relaxed);
  for (Shard& shard : shards_) {
    MutexGuard lock(heap_, shard.mutex);
    counts.sessions += shard.root->sessions.size();
    counts.terms += shard.root->index->terms.size();
  }
  MutexGuard lock(heap_, usersMutex_);
  counts.users = users_->byName.size();
  return counts;
}

std::vector<std::string> Store::verify() {
  std::vector<std::string> broken;
  std::uint64_t messages = 0, sessions = 0, usersSessions = 0;
  for (Shard& shard : shards_) {
    for (std::string& line : verifyIndex(*shard.root->index)) broken.push_back(std::move(line));
    for (auto& entry : shard.root->sessions) {
      Session& session = *entry.value;
      ++sessions;
      messages += session.messages.size();
      if (placeOf(*session.user, &session) == session.user->sessions.size())
        broken.push_back(fmt::format("session-user: session {} is not in its user's list", session.number));
      for (const Member<Message>& message : session.messages)
        for (const TermCount& term : termCounts(message->text->view())) {
          Member<Postings>* known = shard.root->index->terms.find(term.term);
          bool indexed = known != nullptr && std::any_of((*known)->items.begin(), (*known)->items.end(), [&](const Posting& p) {
            return p.message.get() == message.get() && p.count == term.count;
          });
          if (!indexed) broken.push_back(fmt::format("message-indexed: message {} under '{}'", message->number, term.term));
        }
    }
  }
  for (auto& entry : users_->byName) usersSessions += entry.value->sessions.size();
  if (messages != messages_.load()) broken.push_back(fmt::format("message-count: {} counted, {} there", messages_.load(), messages));
  if (usersSessions != sessions) broken.push_back(fmt::format("user-sessions: {} in users, {} in shards", usersSessions, sessions));
  return broken;
}

}  // namespace openclaw::service
