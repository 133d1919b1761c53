# Tests of the pool and the collector.
openclaw_test(runtime_collect_test unit SOURCES gc/collect_test.cc LIBS openclaw::runtime)
