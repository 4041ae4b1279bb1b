# What `cmake --install` puts where, and how other builds find it: pkg-config files and a CMake package.
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY IMP_BUILT_ROOMS)
get_property(adapters GLOBAL PROPERTY IMP_BUILT_ADAPTERS)
get_property(packages GLOBAL PROPERTY IMP_BUILT_PACKAGES)
list(REMOVE_DUPLICATES packages)

# Headers of rooms that were left out stay at home.
set(headers_xml xml.h jid.h)
set(headers_port op.h store.h bus.h testkit.h)
set(headers_stream conn.h)
set(headers_sasl sasl.h)
set(headers_sm sm.h)
set(headers_presence presence.h)
set(headers_node node.h imp.h)
set(left_out)
foreach(room IN ITEMS port xml stream sasl sm presence node)
  if(NOT room IN_LIST rooms)
    foreach(header IN LISTS headers_${room})
      list(APPEND left_out PATTERN ${header} EXCLUDE)
    endforeach()
  endif()
endforeach()
foreach(adapter IN ITEMS uv sqlite)
  if(NOT adapter IN_LIST adapters)
    list(APPEND left_out PATTERN ${adapter}.h EXCLUDE)
  endif()
endforeach()
install(DIRECTORY include/imp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h ${left_out})

# Shared libraries in an export set each, so that a consumer needs only what it asks for; the static ones in one.
set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/imp)
install(TARGETS imp EXPORT imp)
install(TARGETS imp_static EXPORT imp-static)
foreach(adapter IN LISTS adapters)
  install(TARGETS imp_${adapter} EXPORT imp-${adapter})
  install(TARGETS imp_${adapter}_static EXPORT imp-static)
  install(EXPORT imp-${adapter} DESTINATION ${cmake_dir} NAMESPACE imp:: FILE imp-${adapter}Targets.cmake)
  get_property(more GLOBAL PROPERTY IMP_ADAPTER_PACKAGES_${adapter})
  list(APPEND packages ${more})
endforeach()
install(EXPORT imp DESTINATION ${cmake_dir} NAMESPACE imp:: FILE impTargets.cmake)
install(EXPORT imp-static DESTINATION ${cmake_dir} NAMESPACE imp:: FILE imp-staticTargets.cmake)

string(REPLACE ";" " " IMP_CONFIG_ADAPTERS "${adapters}")
string(REPLACE ";" " " IMP_CONFIG_PACKAGES "${packages}")
configure_package_config_file(pkgconfig/impConfig.cmake.in ${PROJECT_BINARY_DIR}/impConfig.cmake
                              INSTALL_DESTINATION ${cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/impConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/impConfig.cmake ${PROJECT_BINARY_DIR}/impConfigVersion.cmake
        DESTINATION ${cmake_dir})

# The .pc files find their prefix from where they lie.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH IMP_PC_PREFIX /${pc_dir} /)
string(REGEX REPLACE "/$" "" IMP_PC_PREFIX ${IMP_PC_PREFIX})
get_property(requires GLOBAL PROPERTY IMP_BUILT_PACKAGES)
list(REMOVE_DUPLICATES requires)
set(IMP_PC_LIBS_PRIVATE)
if("libwslay" IN_LIST requires)
  list(REMOVE_ITEM requires libwslay)
  set(IMP_PC_LIBS_PRIVATE -lwslay)
endif()
list(JOIN requires ", " IMP_PC_REQUIRES_PRIVATE)
foreach(name IN ITEMS imp imp-uv imp-sqlite)
  string(REGEX REPLACE "^imp-?" "" adapter ${name})
  if(adapter STREQUAL "" OR adapter IN_LIST adapters)
    configure_file(pkgconfig/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${pc_dir})
  endif()
endforeach()

install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
        FILES_MATCHING PATTERN *.c PATTERN *.h PATTERN *.py PATTERN README.md PATTERN __pycache__ EXCLUDE)
install(DIRECTORY bindings DESTINATION ${CMAKE_INSTALL_DOCDIR}
        FILES_MATCHING PATTERN *.py PATTERN py.typed PATTERN pyproject.toml PATTERN README.md
        PATTERN __pycache__ EXCLUDE PATTERN build EXCLUDE PATTERN *.egg-info EXCLUDE)
