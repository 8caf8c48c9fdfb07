# Cross build for arm64 Linux on another machine; ctest runs the tests under qemu's user mode emulation.
#   cmake -S . -B build-arm64 -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

find_program(TIDEMERGE_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(TIDEMERGE_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${TIDEMERGE_QEMU} -L /usr/aarch64-linux-gnu)
endif()
