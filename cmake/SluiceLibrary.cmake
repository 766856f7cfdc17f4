# What other people's programs link: the layers that are usable alone, installed with a CMake package
# (find_package(sluice), target sluice::cache) and a pkg-config file each (sluice-cache).
#
#   sluice_library(NAME [PC_REQUIRES modules...] [PC_LIBS flags...])  after sluice_layer(NAME)
#   sluice_libraries()                                                once, after the last
#
# The libraries are static. pkg-config's half says again what LIBS of sluice_layer says, because pkg-config
# knows no targets; tests/install links an example both ways, so they can't part unnoticed.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

function(sluice_library NAME)
  cmake_parse_arguments(ARG "" "" "PC_REQUIRES;PC_LIBS" ${ARGN})
  set_target_properties(sluice_${NAME} PROPERTIES EXPORT_NAME ${NAME})
  target_compile_features(sluice_${NAME} INTERFACE cxx_std_23)
  get_target_property(type sluice_${NAME} TYPE)
  # Whoever links them may have another compiler or no link-time optimisation.
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND
     NOT type STREQUAL "INTERFACE_LIBRARY")
    target_compile_options(sluice_${NAME} PRIVATE -ffat-lto-objects)
  endif()
  install(TARGETS sluice_${NAME} EXPORT sluice
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)

  sluice_allowed(${NAME} allowed)
  list(TRANSFORM allowed PREPEND sluice- OUTPUT_VARIABLE SLUICE_PC_LAYERS)
  set(SLUICE_PC_REQUIRES ${SLUICE_PC_LAYERS} ${ARG_PC_REQUIRES})
  list(JOIN SLUICE_PC_REQUIRES ", " SLUICE_PC_REQUIRES)
  set(SLUICE_PC_LIBS ${ARG_PC_LIBS})
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    list(PREPEND SLUICE_PC_LIBS -lsluice_${NAME})
  endif()
  list(JOIN SLUICE_PC_LIBS " " SLUICE_PC_LIBS)
  set(SLUICE_PC_NAME ${NAME})
  # From the file's own folder up to the prefix, so that the tree may be moved.
  file(RELATIVE_PATH SLUICE_PC_UP /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/sluice.pc.in ${CMAKE_BINARY_DIR}/package/sluice-${NAME}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/package/sluice-${NAME}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endfunction()

function(sluice_libraries)
  set(place ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
  install(EXPORT sluice NAMESPACE sluice:: FILE sluice-targets.cmake DESTINATION ${place}
          COMPONENT development)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/sluice-config.cmake.in
    ${CMAKE_BINARY_DIR}/package/sluice-config.cmake INSTALL_DESTINATION ${place})
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/sluice-config-version.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/package/sluice-config.cmake
                ${CMAKE_BINARY_DIR}/package/sluice-config-version.cmake
          DESTINATION ${place} COMPONENT development)
endfunction()
