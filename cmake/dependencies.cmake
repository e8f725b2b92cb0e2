# What is needed, and what is only used if it is there. Each dependency is an interface target dep_NAME.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)

function(tcpstall_dependency name module package)
  pkg_check_modules(${name} QUIET IMPORTED_TARGET ${module})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${module} not found: install the package ${package} (./check and ./demo do it for you)")
  endif()
  add_library(dep_${name} INTERFACE)
  target_link_libraries(dep_${name} INTERFACE PkgConfig::${name})
endfunction()

tcpstall_dependency(pcap libpcap libpcap-dev)
tcpstall_dependency(jansson jansson libjansson-dev)
add_library(dep_zlib INTERFACE)
target_link_libraries(dep_zlib INTERFACE ZLIB::ZLIB)
target_compile_definitions(dep_zlib INTERFACE ZLIB_CONST) # input is not written to

# libnet: older packages of it bring no pkg-config module.
pkg_check_modules(libnet QUIET IMPORTED_TARGET libnet)
add_library(dep_libnet INTERFACE)
if(libnet_FOUND)
  target_link_libraries(dep_libnet INTERFACE PkgConfig::libnet)
else()
  find_library(LIBNET_LIBRARY net)
  find_path(LIBNET_INCLUDE_DIR libnet.h)
  if(NOT LIBNET_LIBRARY OR NOT LIBNET_INCLUDE_DIR)
    message(FATAL_ERROR "libnet not found: install the package libnet1-dev (./check and ./demo do it for you)")
  endif()
  target_include_directories(dep_libnet SYSTEM INTERFACE ${LIBNET_INCLUDE_DIR})
  target_link_libraries(dep_libnet INTERFACE ${LIBNET_LIBRARY})
endif()

# zstd: optional; without it a .zst trace is refused with a message that says so.
pkg_check_modules(zstd QUIET IMPORTED_TARGET libzstd)
add_library(dep_zstd INTERFACE)
if(zstd_FOUND)
  target_link_libraries(dep_zstd INTERFACE PkgConfig::zstd)
  target_compile_definitions(dep_zstd INTERFACE HAVE_ZSTD=1)
else()
  message(STATUS "libzstd not found: zstd-compressed traces will be refused (install libzstd-dev)")
endif()
