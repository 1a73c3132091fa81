/* The encodings of the benchmark that this guest has, with the bytes that the native component
 * writes (compressed ones: other bytes of the same content). */
#ifndef ENCODE_H
#define ENCODE_H

#include "../text.h"

#include <stdint.h>

/* 0, or -1 for an encoding that this guest does not have. */
int encode(const char *encoding, const unsigned char *plain, size_t len, uint64_t seed,
           struct text *out);

/* Bytes of a seed and a label: SHA-256 of both and a counter. */
void drawn(uint64_t seed, const char *label, unsigned char *out, size_t len);

#endif
