/* SHA-256 (FIPS 180-4). */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>

void sha256(const unsigned char *bytes, size_t len, unsigned char digest[32]);

/* The same as hexadecimal text. */
void sha256_hex(const unsigned char *bytes, size_t len, char text[65]);

#endif
