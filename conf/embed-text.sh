#!/bin/sh
# embed-text.sh — turns a text file into a C string on stdout: embed-text.sh FILE NAME
set -eu
echo '#include <stddef.h>'
# One long literal; every compiler we use takes it.
echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'
echo "extern const char $2[];"
echo "extern const size_t $2_bytes;"
printf 'const char %s[] =\n' "$2"
sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/\t"/' -e 's/$/\\n"/' "$1"
printf '\t;\n'
printf 'const size_t %s_bytes = sizeof(%s) - 1;\n' "$2" "$2"
