/* Deflating (RFC 1951) with the fixed codes, and the frames around it. */
#ifndef DEFLATE_H
#define DEFLATE_H

#include "../text.h"

#include <stdint.h>

void deflate(const unsigned char *plain, size_t len, struct text *out);
void gzip(const unsigned char *plain, size_t len, struct text *out); /* RFC 1952 */
void zlib(const unsigned char *plain, size_t len, struct text *out); /* RFC 1950 */

uint32_t crc32(uint32_t crc, const unsigned char *bytes, size_t len);

/* A zip archive of one deflated member (APPNOTE 4.3). */
void zip(const unsigned char *plain, size_t len, const char *name, struct text *out);

/* A tar archive of one member (ustar). */
void tar(const unsigned char *plain, size_t len, const char *name, struct text *out);

#endif
