// The interactive flame graph: one HTML file with its data, its style and its script. Loads nothing from anywhere, so it
// opens offline and can be sent around.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "analyzer/report/json_parts.h"
#include "analyzer/report/numbers.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {
namespace {

using json_parts::Json;

constexpr const char* kPageHead = R"page(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Allocation flame graph</title>
<style>
  body { margin: 0; font: 13px/1.4 system-ui, sans-serif; color: #222; background: #fffdf8; }
  header { padding: 8px 12px; display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; border-bottom: 1px solid #ddd; }
  h1 { font-size: 15px; margin: 0; }
  #note { padding: 4px 12px; color: #666; }
  #status { padding: 4px 12px; min-height: 1.4em; font-family: ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
  canvas { display: block; width: 100%; outline-offset: -2px; }
  input, select, button { font: inherit; }
  #tip { position: fixed; pointer-events: none; max-width: 60ch; padding: 6px 8px; background: #222; color: #fff; border-radius: 3px; font: 12px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; display: none; z-index: 1; }
</style>
</head>
<body>
<header>
  <h1>Allocation flame graph</h1>
  <label>Weight <select id="weight"></select></label>
  <label>Search <input id="search" type="search" placeholder="function or file (press /)" size="32"></label>
  <span id="found" role="status"></span>
  <button id="reset" type="button">Reset zoom (Esc)</button>
</header>
<div id="note"></div>
<canvas id="flame" tabindex="0" role="img" aria-label="Flame graph; arrows move, Enter zooms, Escape resets"></canvas>
<div id="status" role="status"></div>
<div id="tip"></div>
<noscript><p>This page draws with a script of its own. Without scripts: heap-analyzer flamegraph --format folded, or --format svg.</p></noscript>
<script type="application/json" id="data">
)page";

constexpr const char* kPageScript = R"page(
</script>
<script>
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("flame"), context = canvas.getContext("2d");
  const weight = document.getElementById("weight"), search = document.getElementById("search");
  const tip = document.getElementById("tip"), status = document.getElementById("status");
  const row = 18, font = "11px ui-monospace, 'DejaVu Sans Mono', monospace";
  let flame, zoom = 0, over = -1, matches = null, boxes = [], first, count;

  const bytes = n => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let u = 0, v = n;
    while (v >= 1024 && u < 4) { v /= 1024; ++u; }
    return (u === 0 ? v : v.toPrecision(3)) + " " + units[u];
  };
  const share = (part, whole) => whole === 0 ? "0 %" : part / whole < 0.001 && part > 0 ? "<0.1 %" : (100 * part / whole).toFixed(1) + " %";
  const name = i => flame.names[flame.name[i]], place = i => flame.places[flame.name[i]];
  const describe = i => (i === 0 ? flame.totalPrefix : flame.splitPrefix) + bytes(flame.total[i]) + "  (" + flame.total[i].toLocaleString("en") + " B, " +
    share(flame.total[i], flame.total[0]) + " of all" + (flame.self[i] !== flame.total[i] && flame.self[i] ? ", " + bytes(flame.self[i]) + " here" : "") +
    (flame.objects[i] ? ", " + flame.objects[i].toLocaleString("en") + " samples" : "") + ")\n" +
    name(i) + (flame.inlined[i] ? "  (inlined)" : "") + (place(i) ? "\n" + place(i) : "");

  const colour = (text, inlined, faded) => {
    let hash = 2166136261;
    for (let i = 0; i < text.length; ++i) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0;
    const hue = 10 + hash % 45, light = inlined ? 80 : 68;
    return "hsl(" + hue + "," + (faded ? 15 : 75) + "%," + (faded ? 88 : light) + "%)";
  };

  function choose(index) {
    flame = data.flames[index];
    zoom = 0; over = -1;
    first = flame.first; count = flame.count;
    document.getElementById("note").textContent = flame.note;
    find();
  }
  function find() {
    const text = search.value.trim().toLowerCase(), found = document.getElementById("found");
    matches = null;
    if (text !== "") {
      matches = new Uint8Array(flame.total.length);
      // Weight of the outermost matches, so that nothing is counted twice.
      let sum = 0, frames = 0;
      const inside = new Uint8Array(flame.total.length);
      for (let i = 0; i < flame.total.length; ++i) {
        const up = i === 0 ? 0 : inside[flame.parent[i]];
        matches[i] = i !== 0 && (name(i) + "\n" + place(i)).toLowerCase().includes(text) ? 1 : 0;
        if (matches[i]) { ++frames; if (!up) sum += flame.total[i]; }
        inside[i] = up | matches[i];
      }
      found.textContent = frames + " frames, " + bytes(sum) + " (" + share(sum, flame.total[0]) + ")";
    } else found.textContent = "";
    draw();
  }
  function ancestors(i) { const list = []; for (; i !== 0; i = flame.parent[i]) list.unshift(i); return [0, ...list]; }

  function draw() {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
    boxes = [];
    const up = ancestors(zoom);
    // Rows below the zoomed frame that are wide enough to be seen.
    const visible = [];
    let deepest = up.length - 1;
    const pending = [[zoom, 0, width, up.length - 1]];
    up.forEach((i, depth) => { if (i !== zoom) visible.push([i, 0, width, depth]); });
    while (pending.length) {
      const entry = pending.pop(), [i, x, w, depth] = entry;
      visible.push(entry);
      deepest = Math.max(deepest, depth);
      let at = x;
      for (let c = first[i]; c < first[i] + count[i]; ++c) {
        const part = flame.total[i] === 0 ? 0 : w * flame.total[c] / flame.total[i];
        if (part >= 0.3) pending.push([c, at, part, depth + 1]);
        at += part;
      }
    }
    const height = (deepest + 1) * row + 4;
    canvas.style.height = height + "px";
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.round(height * ratio);
    context.scale(ratio, ratio);
    context.font = font;
    context.textBaseline = "middle";
    const letter = context.measureText("0").width;
    for (const [i, x, w, depth] of visible) {
      const y = depth * row + 2;
      const faded = matches !== null && !matches[i];
      context.fillStyle = i === 0 ? "#d8d4cc" : matches !== null && matches[i] ? "#c23ad0" : colour(name(i), flame.inlined[i], faded);
      context.fillRect(x, y, Math.max(w - 0.5, 0.3), row - 1);
      if (i === over) { context.strokeStyle = "#000"; context.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1.5, 0.5), row - 2); }
      const letters = Math.floor((w - 6) / letter);
      if (letters >= 3) {
        const text = name(i);
        context.fillStyle = matches !== null && matches[i] ? "#fff" : "#1c1c1c";
        context.fillText(text.length <= letters ? text : text.slice(0, letters - 2) + "..", x + 3, y + row / 2);
      }
      boxes.push([i, x, y, w]);
    }
    status.textContent = flame.total[0] === 0 ? "Nothing to show: the dump knows no " + flame.weight + "." : over >= 0 ? describe(over) : describe(zoom);
  }
  const at = event => {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    for (const [i, left, top, w] of boxes) if (x >= left && x < left + Math.max(w, 1) && y >= top && y < top + row) return i;
    return -1;
  };
  canvas.addEventListener("mousemove", event => {
    const i = at(event);
    if (i !== over) { over = i; draw(); }
    tip.style.display = i < 0 ? "none" : "block";
    if (i < 0) return;
    tip.textContent = describe(i);
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(event.clientY + 18, window.innerHeight - tip.offsetHeight - 8) + "px";
  });
  canvas.addEventListener("mouseleave", () => { over = -1; tip.style.display = "none"; draw(); });
  canvas.addEventListener("click", event => { const i = at(event); if (i >= 0) { zoom = i; over = -1; tip.style.display = "none"; draw(); } });
  canvas.addEventListener("keydown", event => {
    let i = over < 0 ? zoom : over;
    const parent = flame.parent[i];
    if (event.key === "ArrowDown" && count[i] > 0) i = first[i];
    else if (event.key === "ArrowUp" && i !== 0) i = parent;
    else if (event.key === "ArrowRight" && i !== 0 && i + 1 < first[parent] + count[parent]) ++i;
    else if (event.key === "ArrowLeft" && i !== 0 && i > first[parent]) --i;
    else if (event.key === "Enter") zoom = i;
    else return;
    over = i;
    event.preventDefault();
    draw();
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape") { zoom = 0; over = -1; draw(); }
    else if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  });
  document.getElementById("reset").addEventListener("click", () => { zoom = 0; over = -1; draw(); });
  search.addEventListener("input", find);
  weight.addEventListener("change", () => choose(weight.selectedIndex));
  window.addEventListener("resize", draw);
  for (const f of data.flames) weight.add(new Option(f.weight + ": " + f.totalPrefix + bytes(f.total[0])));
  document.title = "Flame graph of " + data.dump;
  document.querySelector("h1").textContent = "Allocation flame graph of " + data.dump;
  choose(0);
})();
</script>
</body>
</html>
)page";

Json columnsOf(const FlameGraph& flame) {
  Json name = Json::array(), parent = Json::array(), first = Json::array(), count = Json::array(), self = Json::array(),
       total = Json::array(), objects = Json::array(), inlined = Json::array();
  for (const FlameNode& node : flame.nodes) {
    name.push_back(node.name);
    parent.push_back(node.parent);
    first.push_back(node.firstChild);
    count.push_back(node.childCount);
    self.push_back(node.self);
    total.push_back(node.total);
    objects.push_back(node.objects);
    inlined.push_back(node.inlined ? 1 : 0);
  }
  return {{"weight", toText(flame.weight)},
          {"totalPrefix", certaintyPrefix(flame.totalCertainty)},
          {"splitPrefix", certaintyPrefix(flame.splitCertainty)},
          {"note", flame.scope.empty() ? flame.note : fmt::format("Of {}. {}", flame.scope, flame.note)},
          {"names", flame.names},
          {"places", flame.places},
          {"name", std::move(name)},
          {"parent", std::move(parent)},
          {"first", std::move(first)},
          {"count", std::move(count)},
          {"self", std::move(self)},
          {"total", std::move(total)},
          {"objects", std::move(objects)},
          {"inlined", std::move(inlined)}};
}

}  // namespace

std::string flameHtml(const Snapshot& s, const std::vector<FlameGraph>& flames) {
  Json list = Json::array();
  for (const FlameGraph& flame : flames) list.push_back(columnsOf(flame));
  const Json data{{"dump", s.path().substr(s.path().find_last_of('/') + 1)}, {"flames", std::move(list)}};
  std::string text = data.dump(-1, ' ', false, Json::error_handler_t::replace), safe;
  safe.reserve(text.size());
  // Nothing in the data can end its element, whatever functions and files are called.
  for (const char c : text) {
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  }
  return kPageHead + safe + kPageScript;
}

std::string jsonOf(const Snapshot& s, const FlameGraph& flame, const ScopeSelection* scope) {
  Json json = json_parts::envelope(s, "flamegraph", scope);
  json["weight"] = toText(flame.weight);
  json["totalBytes"] = flame.nodes.front().total;
  json["totalCertainty"] = certaintyName(flame.totalCertainty);
  json["splitCertainty"] = certaintyName(flame.splitCertainty);
  json["withoutStackBytes"] = flame.withoutStack;
  json["note"] = flame.note;
  Json nodes = Json::array();
  for (const FlameNode& node : flame.nodes) {
    Json row{{"parent", node.parent}, {"function", flame.names[node.name]}};
    if (!flame.places[node.name].empty()) row["place"] = flame.places[node.name];
    if (node.inlined) row["inlined"] = true;
    row["selfBytes"] = node.self;
    row["totalBytes"] = node.total;
    row["samples"] = node.objects;
    nodes.push_back(std::move(row));
  }
  json["nodes"] = std::move(nodes);
  return json_parts::dump(json);
}

}  // namespace openclaw
