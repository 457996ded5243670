# Third-party libraries.  What a bundle takes to a machine without packages is linked statically.
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)

find_library(SQLITE3_STATIC libsqlite3.a REQUIRED)
add_library(sqlite3_static INTERFACE)
target_link_libraries(sqlite3_static INTERFACE ${SQLITE3_STATIC} Threads::Threads ${CMAKE_DL_LIBS} m)

find_library(CRYPTO_STATIC libcrypto.a REQUIRED)
add_library(crypto_static INTERFACE)
target_link_libraries(crypto_static INTERFACE ${CRYPTO_STATIC} Threads::Threads ${CMAKE_DL_LIBS})

find_library(SECCOMP_STATIC libseccomp.a REQUIRED)
add_library(seccomp_static INTERFACE)
target_link_libraries(seccomp_static INTERFACE ${SECCOMP_STATIC})

find_library(ZSTD_STATIC libzstd.a REQUIRED)
add_library(zstd_static INTERFACE)
target_link_libraries(zstd_static INTERFACE ${ZSTD_STATIC})

# libtorch and cuda.h come from the PyTorch wheel of DRTRITON_PYTHON.  Plain imported targets: find_package(Torch) asks
# for a CUDA compiler, which nobody needs.
if(NOT DRTRITON_PYTHON)
  set(DRTRITON_PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python)
endif()
execute_process(COMMAND ${DRTRITON_PYTHON} -c
  "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin), end='')"
  OUTPUT_VARIABLE TORCH_FOLDER RESULT_VARIABLE torch_missing)
if(torch_missing OR NOT TORCH_FOLDER)
  message(FATAL_ERROR "no PyTorch found by ${DRTRITON_PYTHON}; run ./drtriton once, or pass -DDRTRITON_PYTHON=")
endif()
get_filename_component(SITE_PACKAGES ${TORCH_FOLDER} DIRECTORY)

add_library(torch_wheel INTERFACE)
target_include_directories(torch_wheel SYSTEM INTERFACE
  ${TORCH_FOLDER}/include ${TORCH_FOLDER}/include/torch/csrc/api/include ${SITE_PACKAGES}/nvidia/cu13/include)
target_link_directories(torch_wheel INTERFACE ${TORCH_FOLDER}/lib)
target_link_options(torch_wheel INTERFACE LINKER:--no-as-needed LINKER:--allow-shlib-undefined
  LINKER:-rpath,${TORCH_FOLDER}/lib)
# libtorch.so exports pieces of a std::filesystem of its own (remove_all among them), which end in a null pointer when our
# code finds them first; so libstdc++ stands before it.
target_link_libraries(torch_wheel INTERFACE stdc++ torch torch_cpu torch_cuda c10 c10_cuda)

# The CUDA driver API's header alone; the driver itself is opened at run time (execute/cuda_driver.h).
add_library(cuda_driver_header INTERFACE)
target_include_directories(cuda_driver_header SYSTEM INTERFACE ${SITE_PACKAGES}/nvidia/cu13/include)
