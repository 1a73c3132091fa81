/* Inflating (RFC 1951), bounded. */
#ifndef INFLATE_H
#define INFLATE_H

#include <stddef.h>

/* Inflates into a new buffer of at most `most` bytes. Returns NULL if the data is broken or too
 * much; `*used` is how many bytes of the input were taken. */
unsigned char *inflate(const unsigned char *in, size_t len, size_t most, size_t *out_len,
                       size_t *used);

#endif
