# The installed package: find_package(OpenClaw) gives openclaw::openclaw (a heap that dumps itself) and its parts.
include(CMakePackageConfigHelpers)
if(NOT TARGET openclaw_runtime)
  return()
endif()

install(TARGETS openclaw_format openclaw_capture openclaw_runtime EXPORT OpenClawTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder IN ITEMS format capture runtime)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/openclaw/${folder}
    FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "programs" EXCLUDE
    PATTERN "schema_rows.h" EXCLUDE PATTERN "frame_scan.h" EXCLUDE PATTERN "kj_clang.h" EXCLUDE)  # private: Cap'n Proto inside
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/format/heap.capnp ${PROJECT_SOURCE_DIR}/format/control.capnp
  ${PROJECT_SOURCE_DIR}/format/FORMAT.md DESTINATION ${CMAKE_INSTALL_DATADIR}/openclaw)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/THIRD_PARTY.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(openclaw_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/OpenClaw)
install(EXPORT OpenClawTargets NAMESPACE openclaw:: DESTINATION ${openclaw_package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/OpenClawConfig.cmake.in
  ${PROJECT_BINARY_DIR}/OpenClawConfig.cmake INSTALL_DESTINATION ${openclaw_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/OpenClawConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/OpenClawConfig.cmake ${PROJECT_BINARY_DIR}/OpenClawConfigVersion.cmake
  DESTINATION ${openclaw_package_dir})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME openclaw)
set(CPACK_PACKAGE_CONTACT "OpenClaw Memory <openclaw@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
include(CPack)
