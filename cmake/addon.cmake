# The addon under cmake-js: `cmake-js compile --out build-cmake` gives build-cmake/Release/tidemerge.node.

read_sources(addon_sources addon)
add_library(tidemerge SHARED ${addon_sources} ${CMAKE_JS_SRC})
set_target_properties(tidemerge PROPERTIES PREFIX "" SUFFIX ".node")
target_compile_options(tidemerge PRIVATE ${core_flags})
target_compile_definitions(tidemerge PRIVATE BUILDING_NODE_EXTENSION NAPI_VERSION=8 NODE_ADDON_API_CPP_EXCEPTIONS)

execute_process(
  COMMAND node -p "require('node-addon-api').include_dir"
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  OUTPUT_VARIABLE node_addon_api_directory
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
get_filename_component(node_addon_api_directory ${node_addon_api_directory} ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})
# Headers of others are not held to our warnings.
target_include_directories(tidemerge SYSTEM PRIVATE ${CMAKE_JS_INC} ${node_addon_api_directory})
target_link_libraries(tidemerge PRIVATE tidemerge_core ${CMAKE_JS_LIB})
if(APPLE)
  target_link_options(tidemerge PRIVATE -undefined dynamic_lookup)
endif()
