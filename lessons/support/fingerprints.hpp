/// @file
/// A table of all stages of a trace: shape, and three numbers that tell two tensors apart.
#pragma once

#include <headlight/attention/head.hpp>

namespace lesson {

class Page;

/// Stage by stage: name, symbol, shape, and over the finite numbers their sum, the largest size and
/// the Euclidean norm.
/// @param page  where  @param trace  of one head
void fingerprints(Page& page, const headlight::HeadTrace& trace);

}  // namespace lesson
