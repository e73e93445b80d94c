#!/bin/sh
# The rules of the house, checked over a source tree: check.sh ROOT RULE. Prints each breach; exit 1 if there is one.
root=$1
rule=$2
cd "$root" || exit 2
breaches=$(mktemp) || exit 2
trap 'rm -f "$breaches"' EXIT

allowed() { # what a module may include besides itself
  case $1 in
    core) echo "" ;;
    layer) echo "core" ;;
    position) echo "core layer" ;;
    attention) echo "core layer position" ;;
    mechanism | circuit | analysis) echo "core layer position attention" ;;
    learning) echo "core layer position attention analysis" ;;
    beyond) echo "core layer attention" ;;
    file) echo "core layer position attention" ;;
    render) echo "core" ;;
    *) echo "unknown" ;;
  esac
}

case $rule in
  layers)
    for folder in lib/include/headlight/* lib/src/*; do
      [ -d "$folder" ] || continue
      module=${folder##*/}
      may="$module $(allowed "$module")"
      grep -rnE '^ *# *include *[<"](headlight/)?[a-z_]+/[a-z_0-9]+\.hpp[>"]' "$folder" | while IFS= read -r line; do
        target=$(printf '%s' "$line" | sed -E 's/.*[<"](headlight\/)?([a-z_]+)\/[a-z_0-9]+\.hpp[>"].*/\2/')
        [ "$target" = xtensor ] && continue
        case $target in nlohmann | catch2) continue ;; esac
        case " $may " in *" $target "*) ;; *) printf '%s\n' "$line ($module may not include $target)" ;; esac
      done
    done >"$breaches"
    ;;
  keep_dims)
    grep -rn keep_dims lib lessons exercises solutions tests --include='*.cpp' --include='*.hpp' 2>/dev/null |
      grep -v '^lib/[a-z]*/*\(headlight/\)*core/' | grep -v '^lib/include/headlight/core/' >"$breaches"
    ;;
  file_comment)
    find lib/include -name '*.hpp' | sort | while IFS= read -r header; do
      grep -q '@file' "$header" || printf '%s has no @file\n' "$header"
    done >"$breaches"
    ;;
  quiet_library) # the library never prints, exits, reads the clock or a random device
    grep -rnE 'std::(cout|cerr|clog)|printf *\(|[^_]exit *\(|abort *\(|random_device|system_clock|steady_clock|time\(' lib/src lib/include |
      grep -vE 'snprintf|//|///' >"$breaches"
    ;;
  lessons)
    for folder in lessons/[0-9][0-9]_*; do
      [ -d "$folder" ] || continue
      slug=${folder##*/}
      grep -q "slug = \"$slug\"" lessons/lessons.toml || printf '%s is not in lessons/lessons.toml\n' "$folder"
      [ -f "$folder/lesson.cpp" ] || printf '%s has no lesson.cpp\n' "$folder"
    done >"$breaches"
    slug= && while IFS= read -r line; do
      case $line in
        slug*) slug=$(printf '%s' "$line" | sed 's/.*"\(.*\)".*/\1/') ;;
        exercises*true*) [ -d "exercises/$slug" ] || printf 'lessons.toml: %s has no exercises\n' "$slug" ;;
        exercises*false*) [ ! -d "exercises/$slug" ] || printf 'lessons.toml does not know the exercises of %s\n' "$slug" ;;
        page*true*) [ -f "docs/book/$slug.md" ] || printf 'lessons.toml: %s has no page\n' "$slug" ;;
        page*false*) [ ! -f "docs/book/$slug.md" ] || [ ! -d "lessons/$slug" ] || printf 'lessons.toml does not know the page of %s\n' "$slug" ;;
      esac
    done <lessons/lessons.toml >>"$breaches"
    ;;
  test_names) # CMake cuts a test's name at a semicolon, and both halves run nothing
    grep -rnE '(TEST_CASE|TEMPLATE_TEST_CASE)\("[^"]*;' tests --include='*.cpp' >"$breaches"
    ;;
  left_over)
    grep -rnwE 'TODO|FIXME|XXX|HACK' lib lessons tests/unit tests/files tests/goldens tests/lessons CMakeLists.txt headlight \
      --include='*.cpp' --include='*.hpp' --include='*.txt' --include='*.cmake' 2>/dev/null >"$breaches"
    ;;
  *)
    echo "check.sh: unknown rule '$rule'" >&2
    exit 2
    ;;
esac
[ -s "$breaches" ] || exit 0
cat "$breaches"
exit 1
