# Linking what another build folder has compiled already. A sanitized or an emulated build has much in common with the
# plain one: with TIDEMERGE_OBJECTS_FROM=<folder of a plain release build of these sources> it takes that from there.

# objects_of(result target source...): the objects of a target in that folder.
function(objects_of result target)
  set(objects)
  foreach(source IN LISTS ARGN)
    file(RELATIVE_PATH relative ${CMAKE_CURRENT_SOURCE_DIR} ${source})
    set(object "${TIDEMERGE_OBJECTS_FROM}/CMakeFiles/${target}.dir/${relative}${CMAKE_CXX_OUTPUT_EXTENSION}")
    if(NOT EXISTS "${object}")
      message(FATAL_ERROR "tidemerge: TIDEMERGE_OBJECTS_FROM: not built: ${object}")
    endif()
    list(APPEND objects "${object}")
  endforeach()
  set(${result} ${objects} PARENT_SCOPE)
endfunction()
