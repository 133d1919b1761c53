# Tests of the pool and the collector.
openclaw_test(runtime_collect_test unit SOURCES gc/collect_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_stress_test unit SOURCES gc/stress_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_stack_scan_test unit SOURCES gc/stack_scan_test.cc LIBS openclaw::runtime)
