# Warnings, hardening and sanitizers, carried by one interface target that every room links.
include(CheckCCompilerFlag)
add_library(tcpstall_flags INTERFACE)
target_compile_definitions(tcpstall_flags INTERFACE _GNU_SOURCE)

set(warnings
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wvla -Wformat=2 -Wundef -Wpointer-arith
  -Wcast-align -Wcast-qual -Wwrite-strings -Wnull-dereference -Wdouble-promotion
  -Wimplicit-fallthrough -Wduplicated-cond -Wlogical-op)
foreach(flag IN LISTS warnings)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" var)
  check_c_compiler_flag(${flag} ${var})
  if(${var})
    target_compile_options(tcpstall_flags INTERFACE ${flag})
  endif()
endforeach()
if(TCPSTALL_WERROR)
  target_compile_options(tcpstall_flags INTERFACE -Werror)
endif()

if(TCPSTALL_SANITIZE)
  target_compile_options(tcpstall_flags INTERFACE -fsanitize=${TCPSTALL_SANITIZE}
                         -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(tcpstall_flags INTERFACE -fsanitize=${TCPSTALL_SANITIZE})
else()
  target_compile_options(tcpstall_flags INTERFACE -fstack-protector-strong -fstack-clash-protection
                         $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
  target_link_options(tcpstall_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
if(TCPSTALL_FUZZ)
  target_compile_options(tcpstall_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

# The optimised program is optimised as a whole: the steps of an analysis are small functions in many
# files, and calls between them were a tenth of its time (docs/performance.md). The objects keep their
# ordinary code as well, so that the many test programs link quickly (tests/CMakeLists.txt).
set(TCPSTALL_LTO OFF)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE MATCHES "^Rel" AND NOT TCPSTALL_SANITIZE)
  check_c_compiler_flag("-flto=auto;-ffat-lto-objects" HAVE_FAT_LTO)
  set(TCPSTALL_LTO ${HAVE_FAT_LTO})
endif()
if(TCPSTALL_LTO)
  target_compile_options(tcpstall_flags INTERFACE -flto=auto -ffat-lto-objects)
  # GCC clears a few hundred bytes by `rep stos`, which takes longer to start than memset() to do it.
  check_c_compiler_flag(-mmemset-strategy=libcall:-1:noalign HAVE_MEMSET_STRATEGY)
  if(HAVE_MEMSET_STRATEGY)
    target_compile_options(tcpstall_flags INTERFACE -mmemset-strategy=libcall:-1:noalign)
  endif()
endif()
