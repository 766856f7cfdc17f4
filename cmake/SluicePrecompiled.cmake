# Precompiled headers: the standard library's heavy half for every layer, gmock on top for unit tests.
#
# One is built for each and all targets share it. A source file still includes what it uses: clang
# (presets fuzz and lint) builds without them and notices.

set(SLUICE_STD_HEADERS <algorithm> <chrono> <expected> <functional> <map> <memory> <optional> <string>
    <string_view> <unordered_map> <variant> <vector> <fmt/format.h>)

function(sluice_pch_target NAME)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/${NAME}.cc.new "// Carries a precompiled header.\n")
  file(COPY_FILE ${CMAKE_BINARY_DIR}/pch/${NAME}.cc.new ${CMAKE_BINARY_DIR}/pch/${NAME}.cc ONLY_IF_DIFFERENT)
  add_library(sluice_pch_${NAME} STATIC EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/pch/${NAME}.cc)
  target_link_libraries(sluice_pch_${NAME} PRIVATE fmt::fmt Threads::Threads)
  target_precompile_headers(sluice_pch_${NAME} PRIVATE ${ARGN})
endfunction()

if(SLUICE_PCH)
  sluice_pch_target(std ${SLUICE_STD_HEADERS})
  if(SLUICE_TESTS)
    sluice_pch_target(gmock ${SLUICE_STD_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
    target_link_libraries(sluice_pch_gmock PRIVATE GTest::gmock GTest::gtest)
  endif()
endif()

# TARGET compiles with the header NAME.
function(sluice_precompile TARGET NAME)
  if(SLUICE_PCH)
    target_precompile_headers(${TARGET} REUSE_FROM sluice_pch_${NAME})
  endif()
endfunction()
