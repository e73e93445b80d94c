/// @file
/// Private to lib/src/learning: a loop marked HEADLIGHT_CLONES is compiled for AVX-512, AVX2 and
/// the baseline; the machine picks one when the program starts. Without fused multiply-add
/// (-ffp-contract=off) all give the same bits.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define HEADLIGHT_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define HEADLIGHT_CLONES
#endif
