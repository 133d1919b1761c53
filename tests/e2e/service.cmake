# Tests of the reference service. Included by CMakeLists.txt when the service is built.
add_library(openclaw_e2e_support STATIC service_process.cc service_json.cc)
target_link_libraries(openclaw_e2e_support PUBLIC openclaw_loadgen PRIVATE nlohmann_json::nlohmann_json fmt::fmt openclaw::warnings)
target_compile_definitions(openclaw_e2e_support PUBLIC
  OPENCLAW_SERVICE="$<TARGET_FILE:openclaw>" OPENCLAW_LOAD="$<TARGET_FILE:openclaw-load>")
add_dependencies(openclaw_e2e_support openclaw openclaw-load)

openclaw_test(service_text_test unit SOURCES service_text_test.cc LIBS openclaw_service openclaw_loadgen)
openclaw_test(service_store_test unit SOURCES service_store_test.cc LIBS openclaw_service)
openclaw_test(service_routes_test e2e SOURCES service_routes_test.cc LIBS openclaw_e2e_support openclaw_service)
openclaw_test(service_errors_test e2e SOURCES service_errors_test.cc LIBS openclaw_e2e_support)
openclaw_test(service_stress_test e2e SOURCES service_stress_test.cc LIBS openclaw_e2e_support)

if(TARGET occtl AND TARGET heap-analyzer)
  openclaw_test(service_dump_test e2e SOURCES service_dump_test.cc LIBS openclaw_e2e_support)
  target_compile_definitions(service_dump_test PRIVATE
    OPENCLAW_OCCTL="$<TARGET_FILE:occtl>" OPENCLAW_ANALYZER="$<TARGET_FILE:heap-analyzer>")
  openclaw_test(service_fault_test e2e SOURCES service_fault_test.cc LIBS openclaw_e2e_support)
  target_compile_definitions(service_fault_test PRIVATE
    OPENCLAW_OCCTL="$<TARGET_FILE:occtl>" OPENCLAW_ANALYZER="$<TARGET_FILE:heap-analyzer>")
  add_dependencies(service_fault_test occtl heap-analyzer)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/second_reader.py)
    target_compile_definitions(service_dump_test PRIVATE OPENCLAW_SECOND_READER="${CMAKE_CURRENT_SOURCE_DIR}/second_reader.py")
  endif()
  add_dependencies(service_dump_test occtl heap-analyzer)
endif()
