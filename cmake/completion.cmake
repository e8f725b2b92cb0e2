# What shells complete, written by the program itself from its tables of options.
set(TCPSTALL_ZSH_COMPLETION_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
    CACHE STRING "Where zsh looks for completions, below the prefix")

set(completion_dir ${CMAKE_CURRENT_BINARY_DIR}/completion)
file(MAKE_DIRECTORY ${completion_dir})
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  message(STATUS "No completion for shells: the program cannot run here to write it")
  return()
endif()
set(completion_bash ${completion_dir}/tcpstall)
set(completion_zsh ${completion_dir}/_tcpstall)
set(completion_fish ${completion_dir}/tcpstall.fish)
set(completion_files)
foreach(shell bash zsh fish)
  add_custom_command(OUTPUT ${completion_${shell}}
    COMMAND tcpstall completion ${shell} > ${completion_${shell}}
    DEPENDS tcpstall VERBATIM)
  list(APPEND completion_files ${completion_${shell}})
endforeach()
add_custom_target(completion ALL DEPENDS ${completion_files})
install(FILES ${completion_bash} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completion_zsh} DESTINATION ${TCPSTALL_ZSH_COMPLETION_DIR})
install(FILES ${completion_fish} DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
