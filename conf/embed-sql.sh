#!/bin/sh
# embed-sql.sh — turns sql/<engine>/NNNN-name.sql into C tables (store/migrate.h) on stdout
set -eu
echo '#include "store/migrate.h"'
# A schema is one long literal; every compiler we use takes it.
echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'
for dir in "$1"/*/; do
	engine=$(basename "$dir")
	echo
	echo "const struct sql_text ${engine}_texts[] = {"
	for file in "$dir"[0-9]*.sql; do
		[ -e "$file" ] || continue
		name=$(basename "$file" .sql)
		number=$(echo "${name%%-*}" | sed 's/^0*//')
		printf '\t{ %s, "%s",\n' "$number" "$name"
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/\t  "/' -e 's/$/\\n"/' "$file"
		printf '\t},\n'
	done
	printf '\t{ 0, NULL, NULL },\n};\n'
done
