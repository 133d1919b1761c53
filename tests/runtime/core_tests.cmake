# Tests of the pool and the collector.
openclaw_test(runtime_collect_test unit SOURCES gc/collect_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_pending_edges_test unit SOURCES gc/pending_edges_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_stress_test unit SOURCES gc/stress_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_stack_scan_test unit SOURCES gc/stack_scan_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_objects_test unit SOURCES gc/objects_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_verifier_test unit SOURCES gc/verifier_test.cc LIBS openclaw::runtime)
openclaw_test(runtime_settings_and_pauses_test unit SOURCES gc/settings_and_pauses_test.cc LIBS openclaw::runtime)
