/* csv.h — cells of comma-separated values (RFC 4180)
 *
 * A text that a spreadsheet would take for a formula (it begins with = + - @, a tab or the end
 * of a line) gets an apostrophe in front, which spreadsheets show as text. Lines end with CR LF.
 *
 * Threads  pure.
 */
#ifndef ADMIN_CSV_H
#define ADMIN_CSV_H

#include "base/buf.h"

/* A byte order mark: without it spreadsheets read UTF-8 as something else. */
#define CSV_BEGIN "\xEF\xBB\xBF"

/* Each adds the comma before it, unless it begins a line. */
void csv_text(struct buf *b, struct str text);
void csv_int(struct buf *b, int64_t n);
void csv_end(struct buf *b);

#endif
