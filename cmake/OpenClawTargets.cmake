# What every target of the project shares. No global flags: a target says what it needs.

find_package(Threads REQUIRED)

# Linked privately by every target of ours; generated code is not.
add_library(openclaw_warnings INTERFACE)
add_library(openclaw::warnings ALIAS openclaw_warnings)
target_compile_options(openclaw_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${OPENCLAW_WERROR}>:-Werror>)

# Sanitizers reach every target, generated code too: one uninstrumented file hides races of all others.
if(OPENCLAW_SANITIZE)
  add_compile_options(-fsanitize=${OPENCLAW_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OPENCLAW_SANITIZE})
  if(OPENCLAW_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# openclaw_library(NAME SOURCES...): libopenclaw-NAME, target openclaw_NAME, alias openclaw::NAME.
# Includes go from the root of the source tree ("format/ids.h").
function(openclaw_library name)
  add_library(openclaw_${name} STATIC ${ARGN})
  add_library(openclaw::${name} ALIAS openclaw_${name})
  set_target_properties(openclaw_${name} PROPERTIES OUTPUT_NAME openclaw-${name} EXPORT_NAME ${name})
  target_include_directories(openclaw_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/openclaw>)
  target_compile_features(openclaw_${name} PUBLIC cxx_std_23)
  target_link_libraries(openclaw_${name} PRIVATE $<BUILD_INTERFACE:openclaw::warnings>)
endfunction()

# openclaw_program(NAME SOURCES...): an installed program.
function(openclaw_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE openclaw::warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# openclaw_test(NAME LABEL libs... SOURCES files...): a GoogleTest program whose tests carry LABEL
# (unit, golden, e2e, gui or slow). tests/run.sh leaves `slow` out.
function(openclaw_test name label)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;ENVIRONMENT" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest_main GTest::gmock openclaw::warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()
