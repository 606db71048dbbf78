# One target carries the flags; three small functions make every other target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

foreach(dep libzmq msgpack lmdb libconfig libsodium jansson libmicrohttpd libcurl cmocka libisal libzstd)
  string(REPLACE "lib" "" name ${dep})
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${dep})
endforeach()

add_library(casehub_flags INTERFACE)
target_compile_definitions(casehub_flags INTERFACE _GNU_SOURCE CASEHUB_VERSION="${PROJECT_VERSION}")
target_compile_options(casehub_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror -fno-omit-frame-pointer -fvisibility=hidden)
if(CASEHUB_SANITIZE)
  target_compile_options(casehub_flags INTERFACE -fsanitize=${CASEHUB_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(casehub_flags INTERFACE -fsanitize=${CASEHUB_SANITIZE})
endif()
if(CASEHUB_FUZZ)
  # The fuzzer steers by the coverage of what it calls, so the libraries count theirs too.
  target_compile_options(casehub_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# casehub_library(NAME SOURCES a.c b.c LINKS other PkgConfig::lmdb): a static layer library.
# Includes are written from the top of the tree: #include "hub/base/status.h".
function(casehub_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${name} PUBLIC casehub_flags ${ARG_LINKS})
endfunction()

# casehub_program(NAME SOURCES ... LINKS ...): an executable, installed and part of the target `programs` unless it is
# NOINSTALL.
add_custom_target(programs)
function(casehub_program name)
  cmake_parse_arguments(ARG "NOINSTALL" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE casehub_flags ${ARG_LINKS})
  if(NOT ARG_NOINSTALL)
    add_dependencies(programs ${name})
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endfunction()

# casehub_test(NAME SOURCES ... LINKS ...): a cmocka program that ctest runs; NAME is the test's name.
# CASEHUB_SOURCE_DIR is the top of the tree, for tests that read schemas and samples.
function(casehub_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(test_${name} PRIVATE CASEHUB_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE casehub_flags PkgConfig::cmocka ${ARG_LINKS})
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND test_${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# casehub_fuzz(NAME SOURCES ... LINKS ... CORPUS dir): a libFuzzer target; ctest runs it for a bounded time, from the
# seeds in dir. What it finds goes to the build folder.
function(casehub_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LINKS" ${ARGN})
  if(NOT CASEHUB_FUZZ)
    return()
  endif()
  add_executable(fuzz_${name} ${ARG_SOURCES})
  target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${name} PRIVATE casehub_flags ${ARG_LINKS})
  set(found ${CMAKE_BINARY_DIR}/fuzz/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz_${name}
    COMMAND fuzz_${name} -max_total_time=15 -rss_limit_mb=512 -max_len=8192 -artifact_prefix=${found}- ${found} ${ARG_CORPUS})
  set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
endfunction()
