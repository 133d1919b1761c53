# Whole files: frames in any order, and every invariant of `validate`.
add_executable(analyzer_runtime_dump load/runtime_dump.cc)
target_link_libraries(analyzer_runtime_dump PRIVATE openclaw::runtime openclaw::warnings)
openclaw_test(analyzer_validation_test unit LIBS openclaw_test_heaps
  SOURCES validation_test.cc load/frames_test.cc snapshot_text.cc)
target_compile_definitions(analyzer_validation_test PRIVATE OPENCLAW_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
  OPENCLAW_RUNTIME_DUMP="$<TARGET_FILE:analyzer_runtime_dump>")
add_dependencies(analyzer_validation_test analyzer_runtime_dump)
