# What the library consists of, module by module, in the order of the include rule.
headlight_module(core shape reduce linalg fourier close random parallel stage HEADER_ONLY tensor)
headlight_module(layer softmax mask norm feed_forward embedding cross_entropy)
headlight_module(position sinusoidal learned relative t5_bias rope alibi)
headlight_module(attention head multi_head head_slice cross block model intervention HEADER_ONLY options)
headlight_module(render text palette table heatmap chart json svg viewer html)
# g++ 12 raises false alarms about the text they join (bug 105651) unless libstdc++ is read as a system header
set_property(SOURCE src/render/svg.cpp src/render/viewer.cpp src/render/html.cpp PROPERTY SKIP_PRECOMPILE_HEADERS ON)
# The viewer's script and style sheet become part of the library.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/viewer/head.js
                                       ${CMAKE_CURRENT_SOURCE_DIR}/viewer/head.css)
file(READ viewer/head.js viewer_script)
file(READ viewer/head.css viewer_style)
file(CONFIGURE OUTPUT viewer_files.cpp @ONLY CONTENT "#include <headlight/render/viewer.hpp>
namespace headlight::render {
std::string_view viewer_script() { return R\"viewer(@viewer_script@)viewer\"; }
std::string_view viewer_style() { return R\"viewer(@viewer_style@)viewer\"; }
}  // namespace headlight::render
")
target_sources(headlight PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/viewer_files.cpp)

# Row kernels: one body built for three sets of instructions, chosen when the program runs. Inside them products and
# sums may fuse; nothing else in the library is compiled so.
set(kernels plain)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND kernels avx2 avx512)
  set_property(SOURCE src/core/kernels_avx2.cpp PROPERTY COMPILE_OPTIONS -mavx2 -mfma)
  set_property(SOURCE src/core/kernels_avx512.cpp
               PROPERTY COMPILE_OPTIONS -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma
                        -mprefer-vector-width=512)
endif()
target_sources(headlight PRIVATE src/core/kernels.cpp src/core/product.cpp)
foreach(kernel IN LISTS kernels)
  target_sources(headlight PRIVATE src/core/kernels_${kernel}.cpp)
  set_property(SOURCE src/core/kernels_${kernel}.cpp APPEND PROPERTY COMPILE_OPTIONS
               -ffp-contract=fast -fno-math-errno -fno-trapping-math -Wno-psabi
               $<$<CONFIG:Debug>:-O2>)  # without it nothing fuses, and bits differ
  set_property(SOURCE src/core/kernels_${kernel}.cpp PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endforeach()
headlight_module(analysis head_scores entropy ablation path_edge)
headlight_module(learning parameters backward optimiser trainer data recipes evaluate)
target_sources(headlight PRIVATE ${PROJECT_SOURCE_DIR}/lib/src/learning/kernels.cpp
                                 ${PROJECT_SOURCE_DIR}/lib/src/learning/batched.cpp)
# so that choices inside loops become vectors; no value changes
set_property(SOURCE ${PROJECT_SOURCE_DIR}/lib/src/learning/kernels.cpp
             PROPERTY COMPILE_OPTIONS -fno-math-errno -fno-trapping-math)
set_property(SOURCE ${PROJECT_SOURCE_DIR}/lib/src/learning/kernels.cpp PROPERTY SKIP_PRECOMPILE_HEADERS ON)
headlight_module(mechanism catalogue stages full flash local linear sparse performer
                 state_space s4_kernel selective_scan hashing routing token_mixing hydra
                 HEADER_ONLY work)
headlight_module(file base64 whole_file streamed_file safetensors npz trace_file gpt2_folder tokenizer)
headlight_module(circuit induction)
