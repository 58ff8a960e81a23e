# squint_module(NAME DEPS module... LIBS library...): the static library
# squint_NAME from every .cc of the folder that is no test and no bench, and
# the test program squint_NAME_test from every *_test.cc. SMALL: code that
# decides and moves pointers, compiled for size, which halves it; but FAST, the
# files among it whose own loops run over elements.
add_library(squint_flags INTERFACE)
target_compile_features(squint_flags INTERFACE cxx_std_20)
target_compile_options(squint_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  -ffp-contract=off -fno-fast-math)
if(SQUINT_WERROR)
  target_compile_options(squint_flags INTERFACE -Werror)
endif()
# Targets with the property SQUINT_PLAIN are linked with sanitizers but not
# compiled with them.
if(SQUINT_SANITIZE)
  set(plain "$<BOOL:$<TARGET_PROPERTY:SQUINT_PLAIN>>")
  foreach(option -fsanitize=${SQUINT_SANITIZE} -fno-sanitize-recover=all
          -fno-omit-frame-pointer
          $<$<BOOL:${SQUINT_FUZZ}>:-fsanitize=fuzzer-no-link>)
    target_compile_options(squint_flags INTERFACE
      "$<$<NOT:${plain}>:${option}>")
  endforeach()
  target_link_options(squint_flags INTERFACE -fsanitize=${SQUINT_SANITIZE})
endif()
target_include_directories(squint_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)

set(SQUINT_SMALL "$<$<CONFIG:Release>:-Os>")

function(squint_module name)
  cmake_parse_arguments(ARG "SMALL" "" "DEPS;LIBS;FAST" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc
       ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND squint_)
  add_library(squint_${name} STATIC ${sources})
  set_target_properties(squint_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON LINKER_LANGUAGE CXX)
  target_link_libraries(squint_${name}
    PUBLIC squint_flags fmt::fmt ${ARG_DEPS} PRIVATE ${ARG_LIBS})
  if(ARG_SMALL)
    target_compile_options(squint_${name} PRIVATE ${SQUINT_SMALL})
    set_source_files_properties(${ARG_FAST} PROPERTIES
      COMPILE_OPTIONS "$<$<CONFIG:Release>:-O2>")
  endif()
  if(SQUINT_TESTS AND tests)
    add_executable(squint_${name}_test ${tests})
    target_link_libraries(squint_${name}_test
      PRIVATE squint_${name} ${ARG_LIBS} GTest::gmock GTest::gtest_main)
    # Only the test code itself: half the time to build, and what is tested
    # keeps its optimization.
    if(NOT SQUINT_SANITIZE)
      target_compile_options(squint_${name}_test PRIVATE -O0)
    elseif(SQUINT_FUZZ)  # of the tests it needs the operators' examples alone
      target_compile_options(squint_${name}_test PRIVATE -O0 -g0)
      set_target_properties(squint_${name}_test PROPERTIES SQUINT_PLAIN ON)
    endif()
    add_test(NAME ${name} COMMAND squint_${name}_test)
  endif()
endfunction()
