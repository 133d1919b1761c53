"""The healthy parts of a generated program: everything that must not be reported.

Each function takes a Draft (names, random choices, what is shared) and returns a Part: heap types, the members of the
owner object, and C++ for loading and for one step of work. A part has a budget in bytes and stays at or below it: what
it keeps is bounded, whatever its name says. They are larger than the planted fault when the generator says so.
"""

import dataclasses
import random
from string import Template

from names import Names


@dataclasses.dataclass
class Part:
    name: str           # of the C++ class
    owner: str          # its heap type
    types: str          # heap types, before the owner
    owner_body: str     # members of the owner and its OPENCLAW_TYPE
    state: str = ""     # members of the C++ class
    load: str = ""      # once, at start
    step: str = ""      # once a unit of work; `owner`, `heap`, `random` in scope, the part's lock held
    budget_share: float = 1.0
    weight: float = 1.0
    static: bool = False


@dataclasses.dataclass
class Draft:
    names: Names
    rng: random.Random
    hard: bool = False   # also shapes that small seeds never have


def fill(text: str, /, **values) -> str:
    return Template(text).substitute(**values)


def payload(d: Draft, lowest: int, highest: int):
    """A field with data behind it: (types, field declarations, field names, statements that fill `made`)."""
    field = d.names.field()
    style = d.rng.choice(["text", "bytes", "words", "detail", "many"])
    if style == "text":
        return "", f"Member<String> {field};", field, (
            f"{{ std::string t = words(random, {lowest}, {highest}); made->{field} = String::make(heap, t); bytes += cell(8 + t.size()); }}")
    if style in ("bytes", "words"):
        element, size = ("char", 1) if style == "bytes" else (d.rng.choice(["double", "std::uint64_t"]), 8)
        return "", f"Member<Array<{element}>> {field};", field, (
            f"{{ std::size_t n = random.between({max(1, lowest // size)}, {max(2, highest // size)}); "
            f"made->{field} = Array<{element}>::make(heap, n); made->{field}->at(0) = static_cast<{element}>(n); bytes += cell(8 + n * {size}); }}")
    inner, a, b = d.names.type(), d.names.field(), d.names.field()
    types = fill("""
struct $inner {
  Member<String> $a;
  std::uint64_t $b = 0;
  OPENCLAW_TYPE($inner, $a)
};
""", inner=inner, a=a, b=b)
    if style == "detail":
        return types, f"Member<{inner}> {field};", field, fill(
            """{ std::string t = words(random, $lo, $hi); made->$field = make<$inner>(heap); made->$field->$b = t.size();
      made->$field->$a = String::make(heap, t); bytes += cell(sizeof($inner)) + cell(8 + t.size()); }""",
            lo=max(8, lowest - 40), hi=max(16, highest - 40), field=field, inner=inner, a=a, b=b)
    count = d.rng.randint(2, 4)
    return types, f"Member<Array<Member<{inner}>>> {field};", field, fill(
        """{ made->$field = Array<Member<$inner>>::make(heap, $count); bytes += cell(8 + 8 * $count);
      for (std::size_t i = 0; i < $count; ++i) { std::string t = words(random, $lo, $hi); made->$field->at(i) = make<$inner>(heap);
        made->$field->at(i)->$a = String::make(heap, t); bytes += cell(sizeof($inner)) + cell(8 + t.size()); } }""",
        lo=max(4, lowest // count - 32), hi=max(8, highest // count - 32), field=field, inner=inner, a=a, count=count)


def sizes(d: Draft):
    low = d.rng.choice([16, 40, 100, 200, 500])
    return low, low * d.rng.choice([2, 3, 4])


def lru_cache(d: Draft) -> Part:
    n = d.names
    types, decl, field, make = payload(d, *sizes(d))
    v = dict(entry=n.type(), owner=n.owner(), newer=n.field(), older=n.field(), map=n.field(), newest=n.field(), oldest=n.field(),
             weight=n.field(), key=n.field(), decl=decl, field=field, make=make, fn=n.function(),
             spread=d.rng.choice([3, 5, 8]))
    back = "Member" if d.rng.random() < 0.7 else "WeakMember"
    return Part(n.part(), v["owner"], types + fill("""
struct $entry {
  $decl
  Member<$entry> $older;
  %s<$entry> $newer;
  std::uint64_t $key = 0;
  std::uint32_t $weight = 0;
  OPENCLAW_TYPE($entry, $field, $older, $newer)
};
""" % back, **v), fill("""
  HashMap<std::uint64_t, Member<$entry>> $map;
  Member<$entry> $newest;
  Member<$entry> $oldest;
  OPENCLAW_TYPE($owner, $map, $newest, $oldest)
""", **v), state="std::uint64_t mean_ = 512;", step=fill("""
    std::uint64_t places = std::max<std::uint64_t>(budget_ / mean_, 64);
    std::uint64_t key = random.below($spread * places);
    if (random.chance(0.8)) key = random.below(key + 1);
    if (Member<$entry>* hit = owner.$map.find(key)) {
      $entry* found = hit->get();
      if (owner.$newest.get() == found) return;
      if (found->$older) found->$older->$newer = found->$newer.get(); else owner.$oldest = found->$newer.get();
      found->$newer->$older = found->$older.get();
      found->$newer = nullptr;
      found->$older = owner.$newest.get();
      owner.$newest->$newer = found;
      owner.$newest = found;
      return;
    }
    std::uint64_t bytes = cell(sizeof($entry));
    $entry* made = make<$entry>(heap);
    made->$key = key;
    $make
    made->$weight = static_cast<std::uint32_t>(bytes);
    mean_ = (mean_ * 63 + bytes) / 64 + 1;
    made->$older = owner.$newest.get();
    if (owner.$newest) owner.$newest->$newer = made; else owner.$oldest = made;
    owner.$newest = made;
    owner.$map.insert(heap, key, made);
    bytes_ += bytes;
    while (bytes_ > budget_ && owner.$oldest.get() != made) {
      $entry* last = owner.$oldest.get();
      owner.$oldest = last->$newer.get();
      owner.$oldest->$older = nullptr;
      owner.$map.erase(last->$key);
      bytes_ -= last->$weight;
    }
""", **v), weight=4)


def slot_cache(d: Draft) -> Part:
    """Direct mapped: a new value takes the place of another one."""
    n = d.names
    types, decl, field, make = payload(d, *sizes(d))
    v = dict(entry=n.type(), owner=n.owner(), slots=n.field(), weight=n.field(), decl=decl, field=field, make=make)
    return Part(n.part(), v["owner"], types + fill("""
struct $entry {
  $decl
  std::uint64_t $weight = 0;
  OPENCLAW_TYPE($entry, $field)
};
""", **v), fill("""
  Member<Array<Member<$entry>>> $slots;
  OPENCLAW_TYPE($owner, $slots)
""", **v), step=fill("""
    std::uint64_t bytes = cell(sizeof($entry));
    $entry* made = make<$entry>(heap);
    $make
    made->$weight = bytes;
    if (!owner.$slots) owner.$slots = Array<Member<$entry>>::make(heap, std::max<std::uint64_t>(2 * budget_ / (bytes + 24), 16));
    Member<$entry>& slot = owner.$slots->at(random.below(owner.$slots->size()));
    if (slot) bytes_ -= slot->$weight;
    slot = nullptr;
    for (std::size_t at = random.below(owner.$slots->size()); bytes_ + bytes > budget_; at = (at + 1) % owner.$slots->size()) {
      Member<$entry>& old = owner.$slots->at(at);
      if (old) bytes_ -= old->$weight;
      old = nullptr;
    }
    bytes_ += bytes;
    slot = made;
""", **v), weight=3)


def ring(d: Draft) -> Part:
    n = d.names
    types, decl, field, make = payload(d, *sizes(d))
    v = dict(entry=n.type(), owner=n.owner(), slots=n.field(), next=n.field(), weight=n.field(), decl=decl, field=field, make=make)
    return Part(n.part(), v["owner"], types + fill("""
struct $entry {
  std::uint64_t $weight = 0;
  $decl
  OPENCLAW_TYPE($entry, $field)
};
""", **v), fill("""
  Vector<Member<$entry>> $slots;
  std::uint64_t $next = 0;
  OPENCLAW_TYPE($owner, $slots)
""", **v), step=fill("""
    std::uint64_t bytes = cell(sizeof($entry));
    $entry* made = make<$entry>(heap);
    $make
    made->$weight = bytes;
    bytes_ += bytes;
    if (bytes_ <= budget_) { owner.$slots.push_back(heap, made); return; }
    Member<$entry>& slot = owner.$slots[owner.$next++ % owner.$slots.size()];
    bytes_ -= slot->$weight;
    slot = made;
""", **v), weight=3)


def queue(d: Draft) -> Part:
    """A list of many objects, one behind the other, whose length is bounded: deep and healthy."""
    n = d.names
    types, decl, field, make = payload(d, *sizes(d))
    v = dict(node=n.type(), owner=n.owner(), next=n.field(), head=n.field(), tail=n.field(), weight=n.field(), decl=decl, field=field, make=make)
    return Part(n.part(), v["owner"], types + fill("""
struct $node {
  Member<$node> $next;
  $decl
  std::uint64_t $weight = 0;
  OPENCLAW_TYPE($node, $next, $field)
};
""", **v), fill("""
  Member<$node> $head;
  Member<$node> $tail;
  OPENCLAW_TYPE($owner, $head, $tail)
""", **v), step=fill("""
    std::uint64_t bytes = cell(sizeof($node));
    $node* made = make<$node>(heap);
    $make
    made->$weight = bytes;
    if (owner.$tail) owner.$tail->$next = made; else owner.$head = made;
    owner.$tail = made;
    bytes_ += bytes;
    while (bytes_ > budget_) {
      bytes_ -= owner.$head->$weight;
      owner.$head = owner.$head->$next.get();
    }
""", **v), weight=3)


def chain(d: Draft) -> Part:
    """A list that is built at start and never changes."""
    n = d.names
    types, decl, field, make = payload(d, *sizes(d))
    v = dict(node=n.type(), owner=n.owner(), next=n.field(), head=n.field(), decl=decl, field=field, make=make)
    return Part(n.part(), v["owner"], types + fill("""
struct $node {
  $decl
  Member<$node> $next;
  OPENCLAW_TYPE($node, $field, $next)
};
""", **v), fill("""
  Member<$node> $head;
  OPENCLAW_TYPE($owner, $head)
""", **v), load=fill("""
    while (bytes_ < budget_) {
      std::uint64_t bytes = cell(sizeof($node));
      $node* made = make<$node>(heap);
      $make
      made->$next = owner.$head.get();
      owner.$head = made;
      bytes_ += bytes;
    }
""", **v), step=fill("""
    std::uint64_t sum = 0, steps = random.below(50);
    for ($node* at = owner.$head.get(); at != nullptr && steps > 0; at = at->$next.get(), --steps) sum += steps;
    sink(sum);
""", **v), weight=0.3, static=True)


def table(d: Draft) -> Part:
    """Loaded at start, only read afterwards: rows in an array, by text, or in a tree."""
    n = d.names
    types, decl, field, make = payload(d, *sizes(d))
    v = dict(row=n.type(), owner=n.owner(), rows=n.field(), left=n.field(), right=n.field(), key=n.field(), decl=decl, field=field, make=make)
    shape = d.rng.choice(["array", "text", "tree"])
    read = "sink(owner.$rows.size() + random.below(7));"
    if shape == "tree":
        body, read = "Member<$row> $rows;\n  OPENCLAW_TYPE($owner, $rows)", "sink(owner.$rows ? owner.$rows->$key : 0);"
        put = """      made->$key = random.next();
      if (!owner.$rows) { owner.$rows = made; bytes_ += bytes; continue; }
      for ($row* at = owner.$rows.get();;) {
        Member<$row>& side = made->$key < at->$key ? at->$left : at->$right;
        if (!side) { side = made; break; }
        at = side.get();
      }"""
    elif shape == "text":
        body = "HashMap<Member<String>, Member<$row>> $rows;\n  OPENCLAW_TYPE($owner, $rows)"
        put = """      { std::string k = words(random, 8, 24); owner.$rows.insert(heap, k, made); bytes += cell(8 + k.size()) + 40; }"""
    else:
        body = "Vector<Member<$row>> $rows;\n  OPENCLAW_TYPE($owner, $rows)"
        put = "      owner.$rows.push_back(heap, made);"
    return Part(n.part(), v["owner"], types + fill("""
struct $row {
  $decl
  Member<$row> $left;
  Member<$row> $right;
  std::uint64_t $key = 0;
  OPENCLAW_TYPE($row, $field, $left, $right)
};
""", **v), fill("\n  " + body + "\n", **v), load=fill("""
    while (bytes_ < budget_) {
      std::uint64_t bytes = cell(sizeof($row));
      $row* made = make<$row>(heap);
      $make
""" + put + """
      bytes_ += bytes;
    }
""", **v), step=fill("    " + read + "\n", **v), weight=0.5, static=True)


def strings(d: Draft) -> Part:
    """Interned texts of a bounded vocabulary: grows to it early, then only hits."""
    n = d.names
    v = dict(owner=n.owner(), map=n.field(), low=d.rng.choice([10, 30]), count=n.field())
    return Part(n.part(), v["owner"], "", fill("""
  HashMap<Member<String>, std::uint64_t> $map;
  OPENCLAW_TYPE($owner, $map)
""", **v), load=fill("""
    while (bytes_ < budget_) {
      std::string t = words(random, $low, 3 * $low);
      if (owner.$map.insert(heap, t, bytes_)) bytes_ += cell(8 + t.size()) + 40;
    }
""", **v), step=fill("""
    String* asked = String::make(heap, words(random, $low, 3 * $low));
    if (std::uint64_t* known = owner.$map.find(asked->view())) ++*known;
""", **v), weight=1, static=True)


def pool(d: Draft) -> Part:
    n = d.names
    v = dict(buffer=n.type(), owner=n.owner(), free=n.field(), data=n.field(), size=d.rng.choice([1000, 4000, 8100, 16384, 40000]))
    return Part(n.part(), v["owner"], fill("""
struct $buffer {
  Member<Array<char>> $data;
  OPENCLAW_TYPE($buffer, $data)
};
""", **v), fill("""
  Vector<Member<$buffer>> $free;
  OPENCLAW_TYPE($owner, $free)
""", **v), load=fill("""
    while (bytes_ < budget_) {
      $buffer* made = make<$buffer>(heap);
      made->$data = Array<char>::make(heap, $size);
      owner.$free.push_back(heap, made);
      bytes_ += cell(8 + $size) + 32;
    }
""", **v), step=fill("""
    if (owner.$free.empty()) return;
    $buffer* taken = owner.$free.back().get();
    owner.$free.pop_back();
    taken->$data->at(random.below($size)) = 'x';
    owner.$free.push_back(heap, taken);
""", **v), weight=1, static=True)


def sessions(d: Draft) -> Part:
    """Sessions begin, gather events and end; how many there are is bounded."""
    n = d.names
    types, decl, field, make = payload(d, *sizes(d))
    v = dict(session=n.type(), event=n.type(), owner=n.owner(), byid=n.field(), events=n.field(), user=n.field(), key=n.field(),
             weight=n.field(), decl=decl, field=field, make=make, begin=d.rng.choice([0.05, 0.2]), fifo=d.rng.choice(["0", "random.below(ids_.size())"]))
    return Part(n.part(), v["owner"], types + fill("""
struct $event {
  $decl
  std::uint64_t $key = 0;
  OPENCLAW_TYPE($event, $field)
};
struct $session {
  Member<String> $user;
  Vector<Member<$event>> $events;
  std::uint64_t $weight = 0;
  OPENCLAW_TYPE($session, $user, $events)
};
""", **v), fill("""
  HashMap<std::uint64_t, Member<$session>> $byid;
  OPENCLAW_TYPE($owner, $byid)
""", **v), state="std::deque<std::uint64_t> ids_;\n  std::uint64_t nextId_ = 1;", step=fill("""
    std::uint64_t bytes = 0;
    if (ids_.empty() || random.chance($begin)) {
      $session* opened = make<$session>(heap);
      std::string t = words(random, 8, 40);
      opened->$user = String::make(heap, t);
      opened->$weight = cell(sizeof($session)) + cell(8 + t.size());
      bytes_ += opened->$weight;
      owner.$byid.insert(heap, nextId_, opened);
      ids_.push_back(nextId_++);
    }
    $session* session = owner.$byid.find(ids_[random.below(ids_.size())])->get();
    $event* made = make<$event>(heap);
    bytes += cell(sizeof($event)) + 12;
    $make
    session->$events.push_back(heap, made);
    session->$weight += bytes;
    bytes_ += bytes;
    while (bytes_ > budget_ && ids_.size() > 1) {
      std::size_t which = $fifo;
      std::uint64_t id = ids_[which];
      ids_[which] = ids_.front();
      ids_.pop_front();
      bytes_ -= owner.$byid.find(id)->get()->$weight;
      owner.$byid.erase(id);
    }
""", **v), weight=4)


def observers(d: Draft) -> Part:
    """Handlers that are registered and removed again: what the planted listeners should be."""
    n = d.names
    types, decl, field, make = payload(d, 16, 64)
    v = dict(handler=n.type(), owner=n.owner(), map=n.field(), weight=n.field(), decl=decl, field=field, make=make)
    return Part(n.part(), v["owner"], types + fill("""
struct $handler {
  $decl
  std::uint64_t $weight = 0;
  OPENCLAW_TYPE($handler, $field)
};
""", **v), fill("""
  HashMap<std::uint64_t, Member<$handler>> $map;
  OPENCLAW_TYPE($owner, $map)
""", **v), state="std::uint64_t first_ = 0, next_ = 0;", step=fill("""
    std::uint64_t bytes = cell(sizeof($handler));
    $handler* made = make<$handler>(heap);
    $make
    made->$weight = bytes;
    bytes_ += bytes + 40;
    owner.$map.insert(heap, next_++, made);
    while (bytes_ > budget_) {
      bytes_ -= owner.$map.find(first_)->get()->$weight + 40;
      owner.$map.erase(first_++);
    }
""", **v), weight=2)


def churn(d: Draft) -> Part:
    """Lives as long as a request: a tree, a map or a list that is dropped at its end."""
    n = d.names
    v = dict(node=n.type(), owner=n.owner(), left=n.field(), right=n.field(), text=n.field(), last=n.field(), count=d.rng.choice([5, 20, 60]))
    return Part(n.part(), v["owner"], fill("""
struct $node {
  Member<$node> $left;
  Member<$node> $right;
  Member<String> $text;
  OPENCLAW_TYPE($node, $left, $right, $text)
};
""", **v), fill("""
  Member<$node> $last;
  OPENCLAW_TYPE($owner, $last)
""", **v), step=fill("""
    $node* top = make<$node>(heap);
    for (std::uint64_t i = 0; i < $count; ++i) {
      $node* made = make<$node>(heap);
      made->$text = String::make(heap, words(random, 8, 200));
      (random.chance(0.5) ? made->$left : made->$right) = top;
      top = made;
    }
    owner.$last = top;
    bytes_ = $count * 180;
""", **v), weight=2, budget_share=0)


CACHES = [lru_cache, lru_cache, slot_cache]
OTHERS = [ring, queue, chain, table, table, strings, pool, sessions, sessions, observers]
