# drtriton_library(room [FILES ...] [USES ...])  one static library a room; USES names rooms and libraries.
function(drtriton_library room)
  cmake_parse_arguments(ARG "" "" "FILES;USES" ${ARGN})
  add_library(drtriton_${room} STATIC ${ARG_FILES})
  target_link_libraries(drtriton_${room} PUBLIC drtriton_options ${ARG_USES})
endfunction()

# drtriton_test(file.cc [USES ...])  a GoogleTest binary named after the file, run by ctest as one test.
function(drtriton_test file)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  get_filename_component(name ${file} NAME_WE)
  add_executable(${name} ${file})
  target_link_libraries(${name} PRIVATE ${ARG_USES} GTest::gtest_main drtriton_options)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600
    ENVIRONMENT "DRTRITON_PYTHON=${DRTRITON_PYTHON};DRTRITON_SOURCE=${CMAKE_SOURCE_DIR}")
endfunction()

# drtriton_torch_test(file.cc [USES ...])  a test that computes with libtorch.  Threads that wait busily for each other take
# minutes where other tests run beside them.
function(drtriton_torch_test file)
  drtriton_test(${file} ${ARGN})
  get_filename_component(name ${file} NAME_WE)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT OMP_WAIT_POLICY=passive OMP_NUM_THREADS=2)
endfunction()
