/// @file
/// Every formula of the built pages, tried by KaTeX while the site is built.
#pragma once

#include "text.hpp"

namespace site {

/// Collects the formulas that the browser will be given and lets KaTeX render each of them.
/// @param html    the built pages
/// @param katex   katex.min.js
/// @param engine  a JavaScript shell: duk, qjs or node
/// @param work    a folder for the script and what it printed
/// @return the faults, one line each: page, line, KaTeX's words; an engine that cannot run KaTeX
///         is a fault too
std::vector<std::string> check_formulas(const fs::path& html, const fs::path& katex,
                                        const fs::path& engine, const fs::path& work);

}  // namespace site
