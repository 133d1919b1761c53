"""The faults that a generated program can carry. One unit of the fault is added whenever it holds less than its share
of the live bytes, so it grows with the load, and its objects are of all ages.

A Fault is a part whose `step` adds one unit; `UNIT` in the text marks the line that allocates the object which an
analysis is to name. `wasted` faults count the free bytes that they make unusable instead of their own.
"""

import dataclasses

from parts import Draft, Part, fill, payload


@dataclasses.dataclass
class Fault(Part):
    kind: str = ""
    unit: str = ""                                    # heap type to name
    units: list = dataclasses.field(default_factory=list)   # it and what belongs to one unit
    owners: list = dataclasses.field(default_factory=list)  # the object that keeps them; the first is the nearest
    wasted: bool = False
    shape: str = ""


def listeners(d: Draft) -> Fault:
    n = d.names
    types, decl, field, make = payload(d, d.rng.choice([16, 40, 120]), d.rng.choice([200, 400]))
    v = dict(unit=n.type(), closure=n.type(), owner=n.owner(), topic=n.type(), list=n.field(), topics=n.field(), captured=n.field(),
             id=n.field(), decl=decl, field=field, make=make, fn=n.function(), seen=n.field())
    shape = d.rng.choice(["vector", "map", "topics"])
    closure = d.rng.random() < 0.6
    if d.hard and d.rng.random() < 0.5:
        return _chained(d, types, v)
    types += fill("""
struct $closure {
  $decl
  std::uint64_t $seen = 0;
  OPENCLAW_TYPE($closure, $field)
};
struct $unit {
  Member<$closure> $captured;
  std::uint64_t $id = 0;
  OPENCLAW_TYPE($unit, $captured)
};
""" if closure else """
struct $unit {
  std::uint64_t $id = 0;
  $decl
  OPENCLAW_TYPE($unit, $field)
};
""", **v)
    if closure:
        build = fill("""
  $unit* listener = make<$unit>(heap);  // UNIT
  $closure* made = make<$closure>(heap);
  bytes += cell(sizeof($unit)) + cell(sizeof($closure));
  $make
  listener->$captured = made;
  listener->$id = random.next();
  return listener;""", **v)
    else:
        build = fill("""
  $unit* made = make<$unit>(heap);  // UNIT
  bytes += cell(sizeof($unit));
  $make
  made->$id = random.next();
  return made;""", **v)
    owners = [v["owner"]]
    if shape == "vector":
        body, add = "Vector<Member<$unit>> $list;\n  OPENCLAW_TYPE($owner, $list)", "owner.$list.push_back(heap, unit); bytes += 12;"
    elif shape == "map":
        body = "HashMap<std::uint64_t, Member<$unit>> $list;\n  OPENCLAW_TYPE($owner, $list)"
        add = "owner.$list.insert(heap, unit->$id, unit); bytes += 40;"
    else:
        types += fill("struct $topic {\n  Vector<Member<$unit>> $list;\n  OPENCLAW_TYPE($topic, $list)\n};\n", **v)
        body = "Member<Array<Member<$topic>>> $topics;\n  OPENCLAW_TYPE($owner, $topics)"
        count = d.rng.choice([2, 4, 16])
        add = """if (!owner.$topics) {
      owner.$topics = Array<Member<$topic>>::make(heap, %d);
      for (std::size_t i = 0; i < %d; ++i) owner.$topics->at(i) = make<$topic>(heap);
    }
    owner.$topics->at(random.below(%d))->$list.push_back(heap, unit); bytes += 12;""" % (count, count, count)
        owners = [v["topic"], v["owner"]]
    functions = fill("$unit* $fn(Heap& heap, Random& random, std::uint64_t& bytes) {" + build + "\n}\n", **v)
    return Fault(n.part(), v["owner"], types, fill("\n  " + body + "\n", **v), step=fill("""
    std::uint64_t bytes = 0;
    $unit* unit = $fn(heap, random, bytes);
    """ + add + """
    bytes_ += bytes;
""", **v), kind="listeners", unit=v["unit"], units=[v["unit"]] + ([v["closure"]] if closure else []), owners=owners, shape=shape,
                 state=functions)


def _chained(d: Draft, types: str, v: dict) -> Fault:
    """Listeners in a hash table of their own: an array of chains, beside a table that is as it should be."""
    buckets = d.rng.choice([64, 1024, 65536])
    extra, next_ = d.names.field(), d.names.field()
    v.update(extra=extra, next=next_, buckets=buckets)
    functions = fill("""$unit* $fn(Heap& heap, Random& random, std::uint64_t& bytes) {
  $unit* made = make<$unit>(heap);  // UNIT
  bytes += cell(sizeof($unit));
  $make
  made->$id = random.next();
  return made;
}
""", **v)
    return Fault(d.names.part(), v["owner"], types + fill("""
struct $unit {
  Member<$unit> $next;
  $decl
  std::uint64_t $id = 0;
  OPENCLAW_TYPE($unit, $next, $field)
};
""", **v), fill("""
  Member<Array<Member<$unit>>> $list;
  Member<Array<double>> $extra;
  OPENCLAW_TYPE($owner, $list, $extra)
""", **v), step=fill("""
    if (!owner.$list) {
      owner.$list = Array<Member<$unit>>::make(heap, $buckets);
      owner.$extra = Array<double>::make(heap, 60000);
    }
    std::uint64_t bytes = 0;
    $unit* unit = $fn(heap, random, bytes);
    Member<$unit>& first = owner.$list->at(unit->$id % $buckets);
    unit->$next = first.get();
    first = unit;
    bytes_ += bytes;
""", **v), kind="listeners", unit=v["unit"], units=[v["unit"]], owners=[v["owner"]], shape=f"chained-{buckets}", state=functions)


def _sharded(d: Draft) -> Fault:
    """A map in several parts that only grow."""
    n = d.names
    low = d.rng.choice([40, 200, 1000])
    types, decl, field, make = payload(d, low, 3 * low)
    v = dict(unit=n.type(), owner=n.owner(), shard=n.type(), map=n.field(), shards=n.field(), hits=n.field(), decl=decl, field=field,
             make=make, fn=n.function(), count=d.rng.choice([3, 8, 32]))
    functions = fill("""$unit* $fn(Heap& heap, Random& random, std::uint64_t& bytes) {
  $unit* made = make<$unit>(heap);  // UNIT
  bytes += cell(sizeof($unit));
  $make
  return made;
}
""", **v)
    return Fault(n.part(), v["owner"], types + fill("""
struct $unit {
  std::uint64_t $hits = 0;
  $decl
  OPENCLAW_TYPE($unit, $field)
};
struct $shard {
  HashMap<std::uint64_t, Member<$unit>> $map;
  OPENCLAW_TYPE($shard, $map)
};
""", **v), fill("""
  Vector<Member<$shard>> $shards;
  OPENCLAW_TYPE($owner, $shards)
""", **v), step=fill("""
    while (owner.$shards.size() < $count) owner.$shards.push_back(heap, make<$shard>(heap));
    std::uint64_t bytes = 0, key = random.next();
    $unit* unit = $fn(heap, random, bytes);
    owner.$shards[key % $count]->$map.insert(heap, key, unit);
    bytes_ += bytes + 40;
""", **v), kind="unbounded-cache", unit=v["unit"], units=[v["unit"]], owners=[v["shard"], v["owner"]], shape=f"sharded-{v['count']}",
                 state=functions)


def _grown_tree(d: Draft) -> Fault:
    """A cache that is a search tree: it only grows, at its leaves."""
    n = d.names
    types, decl, field, make = payload(d, 40, 400)
    v = dict(unit=n.type(), owner=n.owner(), left=n.field(), right=n.field(), key=n.field(), top=n.field(), decl=decl, field=field,
             make=make, fn=n.function())
    functions = fill("""$unit* $fn(Heap& heap, Random& random, std::uint64_t& bytes) {
  $unit* made = make<$unit>(heap);  // UNIT
  bytes += cell(sizeof($unit));
  $make
  made->$key = random.next();
  return made;
}
""", **v)
    return Fault(n.part(), v["owner"], types + fill("""
struct $unit {
  Member<$unit> $left;
  Member<$unit> $right;
  $decl
  std::uint64_t $key = 0;
  OPENCLAW_TYPE($unit, $left, $right, $field)
};
""", **v), fill("""
  Member<$unit> $top;
  OPENCLAW_TYPE($owner, $top)
""", **v), step=fill("""
    std::uint64_t bytes = 0;
    $unit* unit = $fn(heap, random, bytes);
    Member<$unit>* place = &owner.$top;
    while (*place) place = unit->$key < (*place)->$key ? &(*place)->$left : &(*place)->$right;
    *place = unit;
    bytes_ += bytes;
""", **v), kind="unbounded-cache", unit=v["unit"], units=[v["unit"]], owners=[v["owner"]], shape="tree", state=functions)


def unbounded_cache(d: Draft) -> Fault:
    n = d.names
    if d.hard and d.rng.random() < 0.6:
        return d.rng.choice([_sharded, _grown_tree])(d)
    low = d.rng.choice([40, 200, 1000])
    types, decl, field, make = payload(d, low, 3 * low)
    v = dict(unit=n.type(), owner=n.owner(), map=n.field(), hits=n.field(), decl=decl, field=field, make=make, fn=n.function())
    by_text = d.rng.random() < 0.5
    plain = d.rng.random() < 0.2     # the values are Strings: a type that half the program uses
    key_type = "Member<String>" if by_text else "std::uint64_t"
    key = "words(random, 12, 30) + std::to_string(count_)" if by_text else "random.next()"
    key_bytes = "cell(8 + key.size()) + 40" if by_text else "40"
    if plain:
        types, value = "", "String"
        build = fill("""
  std::string t = words(random, $low, $high);
  bytes += cell(8 + t.size());
  return String::make(heap, t);  // UNIT""", low=low, high=3 * low)
    else:
        value = v["unit"]
        types += fill("""
struct $unit {
  $decl
  std::uint64_t $hits = 0;
  OPENCLAW_TYPE($unit, $field)
};
""", **v)
        build = fill("""
  $unit* made = make<$unit>(heap);  // UNIT
  bytes += cell(sizeof($unit));
  $make
  return made;""", **v)
    functions = fill("$value* $fn(Heap& heap, Random& random, std::uint64_t& bytes) {" + build + "\n}\n", value=value, **v)
    unit = "openclaw::String" if plain else v["unit"]
    return Fault(n.part(), v["owner"], types, fill("""
  HashMap<$key, Member<$value>> $map;
  OPENCLAW_TYPE($owner, $map)
""", key=key_type, value=value, **v), step=fill("""
    std::uint64_t bytes = 0;
    $value* unit = $fn(heap, random, bytes);
    auto key = $key;
    if (owner.$map.insert(heap, key, unit)) bytes_ += bytes + $key_bytes;
""", value=value, key=key, key_bytes=key_bytes, **v), kind="unbounded-cache", unit=unit, units=[unit], owners=[v["owner"]],
                 shape=("text" if by_text else "number") + ("-strings" if plain else ""), state=functions)


def deep_list(d: Draft) -> Fault:
    n = d.names
    types, decl, field, make = payload(d, d.rng.choice([16, 60, 300]), d.rng.choice([300, 600]))
    v = dict(unit=n.type(), owner=n.owner(), next=n.field(), head=n.field(), tail=n.field(), previous=n.field(), at=n.field(), decl=decl,
             field=field, make=make, fn=n.function())
    shape = d.rng.choice(["head", "tail", "double"])
    if d.hard and d.rng.random() < 0.4:
        shape = "double"
    double = shape == "double"
    types += fill("""
struct $unit {
  Member<$unit> $next;
  $decl
""" + ("  Member<$unit> $previous;\n" if double else "") + """  std::uint64_t $at = 0;
  OPENCLAW_TYPE($unit, $next, $field""" + (", $previous" if double else "") + """)
};
""", **v)
    functions = fill("""$unit* $fn(Heap& heap, Random& random, std::uint64_t& bytes) {
  bytes += cell(sizeof($unit));
  $unit* made = make<$unit>(heap);  // UNIT
  $make
  return made;
}
""", **v)
    if shape == "head":
        body, add = "Member<$unit> $head;\n  OPENCLAW_TYPE($owner, $head)", "unit->$next = owner.$head.get(); owner.$head = unit;"
    else:
        body = "Member<$unit> $head;\n  Member<$unit> $tail;\n  OPENCLAW_TYPE($owner, $head, $tail)"
        add = "if (owner.$tail) owner.$tail->$next = unit; else owner.$head = unit;\n    "
        add += ("unit->$previous = owner.$tail.get();\n    " if double else "") + "owner.$tail = unit;"
    return Fault(n.part(), v["owner"], types, fill("\n  " + body + "\n", **v), step=fill("""
    std::uint64_t bytes = 0;
    $unit* unit = $fn(heap, random, bytes);
    """ + add + """
    bytes_ += bytes;
""", **v), kind="deep-list", unit=v["unit"], units=[v["unit"]], owners=[v["owner"]], shape=shape, state=functions)


def large_between_small(d: Draft) -> Fault:
    """Small objects that stay, each behind a larger one that goes: holes under 256 bytes, which nobody can use.

    Wider holes are no lasting fault in this heap: the next small objects fill them, and nothing is left to find."""
    n = d.names
    v = dict(unit=n.type(), owner=n.owner(), temporary=n.type(), keep=n.field(), a=n.field(), b=n.field(), next=n.field(),
             fn=n.function(), data=n.field(), small=d.rng.choice([1, 2, 3]))
    held = d.rng.choice(["vector", "list", "map"])
    hole = d.rng.choice([176, 208, 240])
    text = d.rng.random() < 0.5
    v["words"] = (hole - 8) // 8
    types = fill("""
struct $unit {
  Member<$unit> $next;
  std::uint64_t $a[$small] = {};
  OPENCLAW_TYPE($unit, $next)
};
""" + ("" if text else """
struct $temporary {
  std::uint64_t $data[$words] = {};
  OPENCLAW_TYPE($temporary)
};
"""), **v)
    temporary = fill("String* gone = String::make(heap, words(random, %d, %d)); sink(gone->size());" % (hole - 24, hole - 16) if text else
                     "$temporary* gone = make<$temporary>(heap); gone->$data[0] = random.next(); sink(gone->$data[0]);", **v)
    functions = fill("""$unit* $fn(Heap& heap, std::uint64_t value) {
  $unit* made = make<$unit>(heap);  // UNIT
  made->$a[0] = value;
  return made;
}
""", **v)
    if held == "vector":
        body, add = "Vector<Member<$unit>> $keep;\n  OPENCLAW_TYPE($owner, $keep)", "owner.$keep.push_back(heap, unit);"
    elif held == "map":
        body = "HashMap<std::uint64_t, Member<$unit>> $keep;\n  OPENCLAW_TYPE($owner, $keep)"
        add = "owner.$keep.insert(heap, unit->$a[0], unit);"
    else:
        body, add = "Member<$unit> $keep;\n  OPENCLAW_TYPE($owner, $keep)", "unit->$next = owner.$keep.get(); owner.$keep = unit;"
    return Fault(n.part(), v["owner"], types, fill("\n  " + body + "\n", **v), step=fill("""
    for (int i = 0; i < 33; ++i) {
      $unit* unit = $fn(heap, random.next());
      """ + add + """
      if (i == 32) break;
      """ + temporary + """
      bytes_ += %d;
    }
""" % hole, **v), kind="large-between-small", unit=v["unit"], units=[v["unit"]], owners=[v["owner"]], wasted=True,
                 shape=f"{held}-{hole}", state=functions)


KINDS = {"listeners": listeners, "unbounded-cache": unbounded_cache, "deep-list": deep_list, "large-between-small": large_between_small}
