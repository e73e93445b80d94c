# Compiler settings shared by every target, and one-line helpers to add lessons and tests.

add_library(headlight_warnings INTERFACE)
target_compile_options(
  headlight_warnings
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow
            # GCC bug 105329: a false -Wrestrict on "text" + std::string
            $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
            # g++ 13 and 14 take every reference returned by a function of a temporary for one into it (-Wdangling-reference),
            # and see bounds broken inside xtensor's inlined copies
            "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,13>>:-Wno-dangling-reference;-Wno-array-bounds;-Wno-stringop-overflow>"
            # files read as parts of one unit (CMAKE_UNITY_BUILD) are no headers
            $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
            # sanitizers hide initialisation from GCC's flow analysis
            $<$<BOOL:${HEADLIGHT_SANITIZE}>:-Wno-maybe-uninitialized>
            $<$<BOOL:${HEADLIGHT_WERROR}>:-Werror>)

# One meaning of arithmetic everywhere: no fused multiply-add chosen by the compiler.
add_compile_options(-ffp-contract=off)

# g++ collects its garbage from 256 MB on, not from 128: a tenth sooner, for 60 MB more.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=262144>)

if(HEADLIGHT_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer
                      -fno-sanitize-recover=undefined)
  # xtensor's expressions take GCC minutes a file when sanitized and optimised; only the library is (lib/CMakeLists.txt)
  set(CMAKE_CXX_FLAGS_DEBUG "-g1")
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(XTENSOR_ENABLE_ASSERT _GLIBCXX_ASSERTIONS)
endif()

# headlight_module(attention head block USES position): the archive headlight::attention of src/attention/<name>.cpp, with
# the header beside each; HEADER_ONLY names have no .cpp. USES names the archives it needs, below it by the include rule
# (tests/architecture). FOLDER says which folder, where one is divided between two archives.
function(headlight_module module)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FOLDER" "HEADER_ONLY;USES")
  set(folder ${module})
  if(arg_FOLDER)
    set(folder ${arg_FOLDER})
  endif()
  set(archive headlight_${module})
  add_library(${archive} STATIC)
  add_library(headlight::${module} ALIAS ${archive})
  list(TRANSFORM arg_UNPARSED_ARGUMENTS REPLACE "(.+)" "src/${folder}/\\1.cpp" OUTPUT_VARIABLE sources)
  set(headers ${arg_UNPARSED_ARGUMENTS} ${arg_HEADER_ONLY})
  list(TRANSFORM headers REPLACE "(.+)" "include/headlight/${folder}/\\1.hpp")
  target_sources(${archive} PRIVATE ${sources} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  target_compile_features(${archive} PUBLIC cxx_std_20)
  target_include_directories(${archive} PRIVATE src)
  list(TRANSFORM arg_USES PREPEND headlight::)
  target_link_libraries(${archive} PUBLIC xtensor ${arg_USES} PRIVATE $<BUILD_INTERFACE:headlight_warnings>)
  set_target_properties(${archive} PROPERTIES EXPORT_NAME ${module} POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${archive} PRIVATE $<$<OR:$<CONFIG:Release>,$<BOOL:${HEADLIGHT_SANITIZE}>>:-O1>)
  # xtensor is read once for all. Files compiled with settings of their own read it themselves (modules.cmake).
  if(module STREQUAL core)
    target_precompile_headers(${archive} PRIVATE <headlight/core/tensor.hpp>)
  else()
    target_precompile_headers(${archive} REUSE_FROM headlight_core)
  endif()
  target_link_libraries(headlight INTERFACE ${archive})
  set(HEADLIGHT_MODULES ${HEADLIGHT_MODULES} ${archive} PARENT_SCOPE)
endfunction()

# What ./headlight test --quick needs: lessons, and the tests labelled unit or golden.
add_custom_target(quick)

# headlight_add_tests(core reduce.cpp ...): one Catch2 program tests/unit/<module>, labelled unit.
function(headlight_add_tests module)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "LIBRARIES")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  add_executable(test_${module} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(test_${module} PRIVATE headlight::headlight headlight_warnings
                                               headlight_test_support ${arg_LIBRARIES})
  target_precompile_headers(test_${module} REUSE_FROM headlight_test_headers)
  if(arg_LABEL MATCHES "^(unit|golden)$")
    add_dependencies(quick test_${module})
  endif()
  set(timeout 300)
  if(arg_LABEL STREQUAL slow)
    set(timeout 3600)
  endif()
  set(no_tests_fail "")  # Catch2 3 fails by itself when a name matches no test
  if(Catch2_VERSION VERSION_LESS 3)
    set(no_tests_fail EXTRA_ARGS --warn NoTests)
  endif()
  catch_discover_tests(test_${module} TEST_PREFIX "${module}: " ${no_tests_fail}
                       PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${timeout} DISCOVERY_MODE PRE_TEST)
endfunction()
