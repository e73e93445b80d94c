#!/bin/sh
# Every rule must notice a breach: copies the tree, plants one, and asks.  controls.sh ROOT
root=$1
check="$root/tests/architecture/check.sh"
copy=$(mktemp -d) || exit 2
trap 'rm -rf "$copy"' EXIT
failed=0

expect() { # expect RULE FILE LINE: with the line at the end of the file the rule fails, without it it holds
  rm -rf "$copy/tree" && mkdir -p "$copy/tree/docs" || exit 2
  cp -r "$root/lib" "$root/lessons" "$copy/tree/" || exit 2
  [ -d "$root/docs/book" ] && cp -r "$root/docs/book" "$copy/tree/docs/"
  mkdir -p "$copy/tree/tests/unit/core"
  [ -d "$root/exercises" ] && cp -r "$root/exercises" "$copy/tree/"
  sh "$check" "$copy/tree" "$1" >/dev/null || { echo "$1: complains without a breach"; failed=1; }
  mkdir -p "$(dirname "$copy/tree/$2")" && printf '%s\n' "$3" >>"$copy/tree/$2"
  if sh "$check" "$copy/tree" "$1" >/dev/null; then echo "$1: did not notice '$3' in $2"; failed=1; fi
}

expect layers lib/src/core/shape.cpp '#include <headlight/layer/softmax.hpp>'
expect layers lib/include/headlight/render/svg.hpp '#include <headlight/attention/head.hpp>'
expect keep_dims lib/src/layer/softmax.cpp 'auto s = xt::sum(a, {1}, xt::keep_dims);'
expect file_comment lib/include/headlight/core/nameless.hpp '#pragma once'
expect quiet_library lib/src/core/shape.cpp 'void f() { std::cout << 1; }'
expect lessons lessons/22_beyond_the_report/lesson.cpp 'int main() {}'
expect test_names tests/unit/core/shape.cpp 'TEST_CASE("shape: one; two") {}'
expect left_over lib/src/core/shape.cpp '// TODO'
exit $failed
