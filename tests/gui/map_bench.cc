// Frames a second of the block map while it is panned and zoomed over a dump, offscreen.
//
//   map_bench FILE [FRAMES]      FRAMES of each walk, default 240; make_service_dump writes a FILE of any size
//
// A frame is one paint of a canvas of 1600 x 1000 into an image. Every frame moves, so none shows what the one before
// showed; tiles are made within frames as in the window.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <vector>

#include <QApplication>
#include <QImage>

#include <fmt/format.h>

#include "gui/theme.h"
#include "gui/views/map_canvas.h"

namespace openclaw::gui {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kFrame = 1000.0 / 60;

double millisecondsSince(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

int run(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: map_bench FILE [FRAMES]\n");
    return 2;
  }
  const int frames = argc > 2 ? std::atoi(argv[2]) : 240;
  auto loaded = loadSnapshot(argv[1], {}, {}, {});
  if (!loaded) {
    fmt::print(stderr, "{}\n", toText(loaded.error()));
    return 1;
  }
  auto answers = std::make_shared<Answers>();
  answers->snapshot = *loaded;
  answers->histogram = computeHistogram(*answers->snapshot, {});
  Clock::time_point start = Clock::now();
  answers->fragmentation = computeFragmentation(*answers->snapshot);
  fmt::print("{} objects, {} regions; computeFragmentation {:.0f} ms\n", answers->snapshot->objectCount(), answers->fragmentation.regions.size(),
             millisecondsSince(start));

  MapCanvas canvas;
  canvas.resize(1600, 1000);
  start = Clock::now();
  canvas.setAnswers(answers);
  fmt::print("setAnswers {:.1f} ms\n", millisecondsSince(start));
  QImage image(canvas.size(), QImage::Format_RGB32);
  std::vector<double> all;
  const auto walk = [&](const std::string& name, const std::function<void(int)>& move) {
    std::vector<double> times;
    for (int i = 0; i < frames; ++i) {
      move(i);
      const auto begin = Clock::now();
      canvas.render(&image, {}, {}, QWidget::RenderFlags{});
      times.push_back(millisecondsSince(begin));
    }
    all.insert(all.end(), times.begin(), times.end());
    std::ranges::sort(times);
    const double mean = std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
    const auto late = std::ranges::count_if(times, [](double t) { return t > kFrame; });
    fmt::print("{:<34} median {:5.2f} ms  p95 {:5.2f}  longest {:5.2f}  {:4.0f} frames/s  {} of {} over 16.7 ms\n", name, times[times.size() / 2],
               times[times.size() * 95 / 100], times.back(), 1000 / mean, late, times.size());
  };
  const QPointF middle(800, 500);
  // Round and round, so that every frame shows something else.
  const auto circle = [&](int i) { canvas.panBy({40 * std::cos(i * 0.1), 40 * std::sin(i * 0.07)}); };
  for (const MapLens lens : {MapLens::kOccupancy, MapLens::kAge, MapLens::kType}) {
    canvas.setLens(lens);
    const char* name = lens == MapLens::kOccupancy ? "occupancy" : lens == MapLens::kAge ? "age" : "type";
    for (const double block : {4.0, 12.0, 32.0, 150.0, 200.0, 600.0, 1100.0, 4000.0, 30000.0}) {
      canvas.fitAll();
      canvas.zoomBy(block / canvas.blockPixels(), middle);
      walk(fmt::format("{}: pan, {:.0f} pixels a block", name, canvas.blockPixels()), circle);
    }
    canvas.fitAll();
    walk(fmt::format("{}: zoom in and out", name), [&](int i) { canvas.zoomBy(i < frames / 2 ? 1.1 : 1 / 1.1, middle); });
  }
  std::ranges::sort(all);
  const auto late = std::ranges::count_if(all, [](double t) { return t > kFrame; });
  fmt::print("all: median {:.2f} ms, p95 {:.2f}, p99 {:.2f}, longest {:.2f}; {} of {} frames over 16.7 ms\n", all[all.size() / 2], all[all.size() * 95 / 100],
             all[all.size() * 99 / 100], all.back(), late, all.size());
  return 0;
}

}  // namespace
}  // namespace openclaw::gui

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  QApplication application(argc, argv);
  openclaw::gui::theme::apply(application);
  return openclaw::gui::run(argc, argv);
}
