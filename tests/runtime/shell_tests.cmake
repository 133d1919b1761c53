# Tests of the runtime's outer half: settings, containers, dumps of real heaps. Included by CMakeLists.txt.
if(TARGET openclaw::runtime)
  openclaw_test(runtime_settings_test unit SOURCES config/settings_test.cc LIBS openclaw::runtime)
endif()
