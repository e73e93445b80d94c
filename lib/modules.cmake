# What the library consists of, module by module, in the order of the include rule.
headlight_module(core shape reduce linalg close random parallel stage HEADER_ONLY tensor view)
target_link_libraries(headlight_core PRIVATE BLAS::BLAS Threads::Threads)
headlight_module(fourier fourier FOLDER core USES core)
headlight_module(layer softmax mask norm feed_forward embedding cross_entropy USES core)
headlight_module(position sinusoidal learned relative t5_bias rope alibi USES layer)
headlight_module(attention head multi_head head_slice block model HEADER_ONLY options USES position)
headlight_module(cross cross FOLDER attention USES attention)
headlight_module(intervention intervention FOLDER attention USES attention)
headlight_module(flash flash HEADER_ONLY work FOLDER mechanism USES core)
headlight_module(mechanism full HEADER_ONLY work USES attention)
headlight_module(alternative catalogue stages local linear sparse performer state_space s4_kernel
                 selective_scan hashing routing token_mixing hydra FOLDER mechanism USES mechanism flash fourier)
headlight_module(circuit induction USES attention)
headlight_module(entropy entropy FOLDER analysis USES core)
headlight_module(ablation ablation path_edge FOLDER analysis USES attention)
headlight_module(analysis head_scores USES ablation entropy)
headlight_module(optimiser optimiser FOLDER learning USES core)
headlight_module(backward backward FOLDER learning USES attention)
headlight_module(learning parameters trainer data recipes evaluate USES ablation optimiser)
headlight_module(file base64 whole_file streamed_file safetensors npz trace_file USES attention)
headlight_module(gpt2 gpt2_folder FOLDER file USES file)
headlight_module(tokenizer tokenizer FOLDER file USES file)
target_link_libraries(headlight_file PRIVATE ZLIB::ZLIB $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
target_link_libraries(headlight_gpt2 PRIVATE $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
target_link_libraries(headlight_tokenizer PRIVATE ${HEADLIGHT_UTF8PROC} $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
headlight_module(render text palette table heatmap chart json svg viewer html USES core)
target_link_libraries(headlight_render PRIVATE ${HEADLIGHT_UTF8PROC})

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
target_sources(headlight_core PRIVATE src/core/kernels.cpp src/core/product.cpp)
foreach(kernel IN LISTS kernels)
  target_sources(headlight_core PRIVATE src/core/kernels_${kernel}.cpp)
  set_property(SOURCE src/core/kernels_${kernel}.cpp APPEND PROPERTY COMPILE_OPTIONS
               -ffp-contract=fast -fno-math-errno -fno-trapping-math -Wno-psabi
               $<$<CXX_COMPILER_ID:GNU>:--param=avoid-fma-max-bits=0>  # else g++ 14 leaves some chains unfused
               $<$<CONFIG:Release>:-O3>
               $<$<CONFIG:Debug>:-O2>)  # without it nothing fuses, and bits differ
  set_property(SOURCE src/core/kernels_${kernel}.cpp PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endforeach()
target_sources(headlight_learning PRIVATE src/learning/kernels.cpp src/learning/batched.cpp)
# so that choices and roots inside loops become vectors; no value changes
set_property(SOURCE src/learning/kernels.cpp src/learning/optimiser.cpp
             PROPERTY COMPILE_OPTIONS -fno-math-errno -fno-trapping-math)

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
target_sources(headlight_render PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/viewer_files.cpp)

# The arithmetic is in these files and in the row kernels. All else waits for them, for the disk or for the reader, and is
# compiled lightly (headlight_module): a third sooner. A layer is then 2 percent slower, a small model 10 to 15.
foreach(hot core/product core/fourier learning/kernels learning/optimiser)
  # g++'s -O3 makes none of them faster, and takes twice as long
  set_property(SOURCE src/${hot}.cpp APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O2>
               $<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU>>:-ftree-vectorize;-fvect-cost-model=dynamic>)
  set_property(SOURCE src/${hot}.cpp PROPERTY SKIP_PRECOMPILE_HEADERS ON)  # read with another setting, it breaks g++ 12
endforeach()
