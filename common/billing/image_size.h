/* image_size.h — width and height of a PNG, JPEG, GIF or WebP, read from its header
 *
 * Base64 is decoded byte by byte as far as the header goes and no further: nothing is held in
 * memory. For PNG, GIF and WebP that is thirty bytes; a JPEG's size may stand behind hundreds of
 * kilobytes of camera data, of which IMAGE_HEAD_MAX bytes are looked at.
 *
 * Errors   false: another format, a broken header, or a size of nothing.
 * Threads  pure.
 */
#ifndef BILLING_IMAGE_SIZE_H
#define BILLING_IMAGE_SIZE_H

#include "base/str.h"

#define IMAGE_HEAD_MAX ((size_t)512 * 1024)

/* In pixels; { 0 } is an unknown size. */
struct image_size {
	int64_t width, height;
};

/* The first bytes of the file. */
bool image_size_of_bytes(struct str head, struct image_size *out);
/* Base64 in either alphabet; blanks and the escapes of JSON may stand in it. */
bool image_size_of_base64(struct str encoded, struct image_size *out);
/* data:image/…;base64,…, also with the escapes of JSON. False for any other URI. */
bool image_size_of_uri(struct str uri, struct image_size *out);

#endif
