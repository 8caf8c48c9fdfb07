# Reading native/sources.json.

file(READ ${native}/sources.json TIDEMERGE_SOURCES_JSON)

if(CMAKE_OSX_ARCHITECTURES)
  set(architecture ${CMAKE_OSX_ARCHITECTURES})
else()
  set(architecture ${CMAKE_SYSTEM_PROCESSOR})
endif()
if(architecture MATCHES "^(x86_64|AMD64|amd64|x64)$")
  set(TIDEMERGE_ARCHITECTURE x64)
elseif(architecture MATCHES "^(aarch64|arm64|ARM64)$")
  set(TIDEMERGE_ARCHITECTURE arm64)
else()
  message(FATAL_ERROR "tidemerge: kernels exist for x64 and arm64, not for '${architecture}'")
endif()

# read_list(result key...): the JSON array of strings under the keys.
function(read_list result)
  string(JSON count LENGTH "${TIDEMERGE_SOURCES_JSON}" ${ARGN})
  set(values)
  if(count GREATER 0)
    math(EXPR last "${count} - 1")
    foreach(index RANGE ${last})
      string(JSON value GET "${TIDEMERGE_SOURCES_JSON}" ${ARGN} ${index})
      list(APPEND values ${value})
    endforeach()
  endif()
  set(${result} ${values} PARENT_SCOPE)
endfunction()

# read_sources(result key): the same, as absolute paths.
function(read_sources result key)
  read_list(paths ${key})
  list(TRANSFORM paths PREPEND "${native}/")
  set(${result} ${paths} PARENT_SCOPE)
endfunction()

# read_sets(result): the names of the instruction sets of this architecture.
function(read_sets result)
  string(JSON count LENGTH "${TIDEMERGE_SOURCES_JSON}" sets ${TIDEMERGE_ARCHITECTURE})
  set(names)
  math(EXPR last "${count} - 1")
  foreach(index RANGE ${last})
    string(JSON name MEMBER "${TIDEMERGE_SOURCES_JSON}" sets ${TIDEMERGE_ARCHITECTURE} ${index})
    list(APPEND names ${name})
  endforeach()
  set(${result} ${names} PARENT_SCOPE)
endfunction()
