# Tests of the runtime's outer half: settings, containers, dumps of real heaps. Included by CMakeLists.txt.
if(TARGET openclaw::runtime)
  openclaw_test(runtime_settings_test unit SOURCES config/settings_test.cc LIBS openclaw::runtime openclaw::format)
  openclaw_test(runtime_containers_test unit SOURCES containers/containers_test.cc LIBS openclaw::runtime openclaw::format)
  add_library(openclaw_test_dump_view STATIC dump_view.cc)
  target_link_libraries(openclaw_test_dump_view PUBLIC openclaw::format GTest::gtest PRIVATE fmt::fmt openclaw::warnings)
  openclaw_test(runtime_dump_test e2e
    SOURCES e2e/heap_dump_test.cc e2e/shadow_dump_test.cc e2e/shadow_heap.cc
    LIBS openclaw_test_dump_view openclaw::runtime openclaw::capture openclaw::format fmt::fmt)
  openclaw_test(runtime_sampling_test e2e
    SOURCES e2e/sampling_test.cc
    LIBS openclaw_test_dump_view openclaw::runtime openclaw::capture openclaw::format)
  openclaw_test(runtime_setting_effects_test e2e
    SOURCES e2e/settings_effect_test.cc
    LIBS openclaw_test_dump_view openclaw::runtime openclaw::capture openclaw::format fmt::fmt)
endif()
