# How everything here is compiled.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_THREAD_PREFER_PTHREAD ON)

add_library(imp_compiler INTERFACE)
target_compile_options(imp_compiler INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wno-sign-conversion
  $<$<C_COMPILER_ID:Clang>:-Wno-string-concatenation> -Wpointer-arith -Wvla -Wwrite-strings $<$<BOOL:${IMP_WERROR}>:-Werror>)
target_include_directories(imp_compiler INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/lib)

if(IMP_SANITIZE)
  add_compile_options(-fsanitize=${IMP_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${IMP_SANITIZE})
  if(IMP_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
if(IMP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
