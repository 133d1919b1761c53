# The outer half of the runtime: settings, the walk of the heap for a dump, the control thread.
# Paths from runtime/; included by runtime/CMakeLists.txt.
set(OPENCLAW_RUNTIME_SHELL_SOURCES
  config/settings_file.cc
  config/settings_state.cc
  control_host/heap_control.cc
  external_bytes.cc
  source/prepared_tables.cc
  source/process_info.cc
  source/runtime_source.cc
  source/site_rows.cc
)
set(OPENCLAW_RUNTIME_SHELL_LIBRARIES)
